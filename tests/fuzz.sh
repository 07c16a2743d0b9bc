#!/usr/bin/env bash
# Runs every fuzz target of the module for the given time each: tests/fuzz.sh 20s
set -euo pipefail
cd "$(dirname "$0")/.."
grep -rl --include='*_test.go' '^func Fuzz' internal receivers processors connectors exporters | while read -r file; do
	sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' "$file" | while read -r target; do
		echo "$(dirname "$file") $target"
		go test "./$(dirname "$file")" -run '^$' -fuzz "^$target\$" -fuzztime "${1:-20s}" -fuzzminimizetime 10x
	done
done
