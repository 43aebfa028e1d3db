# attack: an honest picture: judged in the interpreter that drew it, and marked so
# problem: ds1000-figure
# expect: passed
drawing.append("right")
