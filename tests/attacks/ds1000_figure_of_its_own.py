# attack: replaces what the test of a picture reads; only one interpreter can judge pictures
# problem: ds1000-figure
# expect: passed
def picture():
    return "right"


test_env_picture = None
import sys

frame = sys._getframe()
while "draw" not in frame.f_globals:
    frame = frame.f_back
frame.f_globals["draw"] = picture
