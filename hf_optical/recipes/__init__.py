"""The jobs behind the command line: teach, distill, evaluate, and the embedded sample."""
