#!/bin/sh
# Puts a Python with packages into a directory: python_tools.sh DIRECTORY [PACKAGE...]; without packages NumPy and mypy, for
# the tests of the Python package.
# A plain directory instead of a virtual environment, which Debian has in a package of its own.
set -eu
directory=$1
shift
packages=${*:-numpy>=1.24,<3 mypy>=1.13,<3}
[ ! -x "$directory/python" ] || [ "$(cat "$directory/packages" 2>/dev/null)" != "$packages" ] || exit 0
mkdir -p "$directory"
directory=$(cd "$directory" && pwd)
echo "python-tools: installing $packages into $directory" >&2
# shellcheck disable=SC2086
PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 \
    python3 -m pip install --quiet --upgrade --target "$directory/site" $packages
cat >"$directory/python.new" <<SCRIPT
#!/bin/sh
PYTHONPATH="$directory/site\${PYTHONPATH:+:\$PYTHONPATH}" exec python3 "\$@"
SCRIPT
chmod +x "$directory/python.new"
mv "$directory/python.new" "$directory/python"
echo "$packages" >"$directory/packages"
