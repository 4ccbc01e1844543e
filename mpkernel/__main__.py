"""``python -m mpkernel``: the command line, also where no script was installed."""

from mpkernel.cli.main import main

if __name__ == "__main__":
    main()
