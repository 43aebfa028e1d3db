// attack: Ends with exit code 0 before its tests.
// expect: runtime_error
process.exit(0);
throw new Error('not reached');
