# attack: takes the expected result out of the frame that runs it
# problem: ds1000
# expect: wrong_answer or runtime_error
# expect-in-process: passed
import sys

frame = sys._getframe()
while "expected_result" not in frame.f_locals:
    frame = frame.f_back
result = frame.f_locals["expected_result"]
