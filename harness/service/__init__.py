"""The judge as a service: verdicts for trainers and other programs, by HTTP or in one process."""
