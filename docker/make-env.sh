#!/bin/sh
# Writes .env with a fresh secret for every empty line of env.example; leaves a file that is there alone.
set -eu
here=$(dirname "$0")
target=${1:-$here/../.env}
if [ -e "$target" ]; then
  echo "$target is there already; its secrets are in use, so it is left as it is" >&2
  exit 0
fi
umask 077
while IFS= read -r line; do
  case $line in
    [A-Z]*=) printf '%s%s\n' "$line" "$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')" ;;
    *) printf '%s\n' "$line" ;;
  esac
done < "$here/env.example" > "$target"
echo "wrote $target" >&2
