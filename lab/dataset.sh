#!/usr/bin/env bash
# Makes a data set on this host: starts the agent and a ClickHouse, acts out all scenarios, and exports what was sampled.
# Usage: lab/dataset.sh [FOLDER]. RUNS (3) runs of each scenario, PARALLEL (8) at a time; SEED (1); SPLIT (run); FORMAT (parquet).
# All that it makes is below FOLDER-work, but for the data set itself; what is acted out is harmless (docs/lab.md).
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-dataset}
work=$folder-work
mkdir -p "$work"

begin=$(date -u +%Y-%m-%dT%H:%M:%SZ)
bin/nodesecctl up --path "$work/clickhouse" --interval 1s --output json >"$work/agent.log" 2>&1 &
agent=$!
trap 'kill $agent 2>/dev/null || true; wait $agent 2>/dev/null || true' EXIT
ticks() { bin/nodesecctl query --path "$work/clickhouse" --format TSV "SELECT uniqExact(ts) FROM nodesec.container_samples" 2>/dev/null; }
for _ in $(seq 120); do
	kill -0 $agent 2>/dev/null || { cat "$work/agent.log" >&2; exit 1; }
	[ -e "$work/clickhouse" ] && [ "$(ticks || echo 0)" -gt 3 ] 2>/dev/null && break
	sleep 1
done

bin/nodesecctl lab run --path "$work/clickhouse" --runs "${RUNS:-3}" --parallel "${PARALLEL:-8}" --seed "${SEED:-1}" \
	--records "$work/records" --i-own-this-host
sleep 2 # the samples of the last tick
bin/nodesecctl lab verify --path "$work/clickhouse" --records "$work/records" >"$work/verify.txt" || { cat "$work/verify.txt" >&2; exit 1; }
bin/nodesecctl export --path "$work/clickhouse" --output "$folder" --from "$begin" --split "${SPLIT:-run}" --format "${FORMAT:-parquet}" \
	--seed "${SEED:-1}" --name "nodesec lab"
