"""`python -m lesionlens`: the command."""

from _lesionlens_command import main

if __name__ == "__main__":
    main()
