#!/usr/bin/env bash
# Trains the baselines on a data set of the lab and writes their results into docs/baselines.md.
# Usage: lab/baselines.sh [FOLDER], where FOLDER is what lab/dataset.sh made, or is made now.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-dataset}
python=${PYTHON:-/usr/bin/python3}
"$python" -c 'import sklearn, pandas' 2>/dev/null || {
	echo "the baselines need scikit-learn and pandas: apt-get install python3-sklearn python3-pandas" >&2
	exit 1
}
[ -e "$folder" ] || lab/dataset.sh "$folder"
for split in run technique; do
	rm -rf "$folder-work/$split" "$folder-work/$split.unfinished"
	bin/nodesecctl export --path "$folder-work/clickhouse" --output "$folder-work/$split" --from 24h --split $split --format csv
done
"$python" lab/baselines.py "$folder-work/run" "$folder-work/technique" >"$folder-work/baselines.md"
awk -v results="$folder-work/baselines.md" '
	/^<!-- results/ { print; print ""; while ((getline line < results) > 0) print line; skip = 1; next }
	/^<!-- end of results/ { skip = 0 }
	!skip' docs/baselines.md >"$folder-work/page.md"
mv "$folder-work/page.md" docs/baselines.md
