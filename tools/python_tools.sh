#!/bin/sh
# Puts a Python with NumPy into a directory, for the tests of the Python package: python_tools.sh DIRECTORY.
# A plain directory instead of a virtual environment, which Debian has in a package of its own.
set -eu
directory=$1
[ ! -x "$directory/python" ] || exit 0
mkdir -p "$directory"
directory=$(cd "$directory" && pwd)
echo "python-tools: installing NumPy into $directory" >&2
PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 \
    python3 -m pip install --quiet --upgrade --target "$directory/site" 'numpy>=1.24,<3'
cat >"$directory/python.new" <<SCRIPT
#!/bin/sh
PYTHONPATH="$directory/site\${PYTHONPATH:+:\$PYTHONPATH}" exec python3 "\$@"
SCRIPT
chmod +x "$directory/python.new"
mv "$directory/python.new" "$directory/python"
