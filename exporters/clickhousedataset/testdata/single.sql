CREATE DATABASE IF NOT EXISTS `nodesec`;

CREATE TABLE IF NOT EXISTS `nodesec`.`node_samples`
(
      `ts` DateTime64(3, 'UTC') COMMENT 'Time of the sample' CODEC(Delta(8), ZSTD(1))
    , `interval_ms` UInt32 COMMENT 'Length of the window that delta sums are about in milliseconds, 0 if unknown' CODEC(ZSTD(1))
    , `entity` UInt64 COMMENT 'Hash of what identifies the entity' CODEC(ZSTD(1))
    , `batch` UInt64 COMMENT 'Number of the insert that brought the row' CODEC(ZSTD(1))
    , `cluster` LowCardinality(String) COMMENT 'k8s.cluster.name' CODEC(ZSTD(1))
    , `node` LowCardinality(String) COMMENT 'k8s.node.name, else host.name' CODEC(ZSTD(1))
    , `attributes` Map(LowCardinality(String), String) COMMENT 'Resource attributes that have no column' CODEC(ZSTD(6))
    , `rules` Array(LowCardinality(String)) COMMENT 'Rules that matched: a heuristic, not ground truth' CODEC(ZSTD(6))
    , `severity` LowCardinality(String) COMMENT 'Highest severity of the rules that matched' CODEC(ZSTD(1))
    , `techniques` Array(LowCardinality(String)) COMMENT 'ATT&CK techniques of the rules that matched' CODEC(ZSTD(6))
    , `more` Map(LowCardinality(String), Float64) COMMENT 'Features that have no column, by name' CODEC(ZSTD(6))
    , INDEX ts_minmax ts TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toDate(ts)
ORDER BY (toStartOfHour(ts), node, entity, ts)
SETTINGS index_granularity = 4096
    , index_granularity_bytes = 67108864
    , min_compress_block_size = 32768
    , max_compress_block_size = 1048576
    , min_bytes_for_wide_part = 134217728
    , ratio_of_defaults_for_sparse_serialization = 1
    , auto_statistics_types = ''
    , ttl_only_drop_parts = 1
    , non_replicated_deduplication_window = 10000
COMMENT 'Samples of scope node: a row per entity and time, a column per feature';

CREATE TABLE IF NOT EXISTS `nodesec`.`pod_samples`
(
      `ts` DateTime64(3, 'UTC') COMMENT 'Time of the sample' CODEC(Delta(8), ZSTD(1))
    , `interval_ms` UInt32 COMMENT 'Length of the window that delta sums are about in milliseconds, 0 if unknown' CODEC(ZSTD(1))
    , `entity` UInt64 COMMENT 'Hash of what identifies the entity' CODEC(ZSTD(1))
    , `batch` UInt64 COMMENT 'Number of the insert that brought the row' CODEC(ZSTD(1))
    , `cluster` LowCardinality(String) COMMENT 'k8s.cluster.name' CODEC(ZSTD(1))
    , `node` LowCardinality(String) COMMENT 'k8s.node.name, else host.name' CODEC(ZSTD(1))
    , `namespace` LowCardinality(String) COMMENT 'k8s.namespace.name' CODEC(ZSTD(1))
    , `workload` LowCardinality(String) COMMENT 'Name of the pod\'s outermost owner' CODEC(ZSTD(1))
    , `workload_kind` LowCardinality(String) COMMENT 'Deployment, StatefulSet, DaemonSet, CronJob, Job or ReplicaSet' CODEC(ZSTD(1))
    , `pod` LowCardinality(String) COMMENT 'k8s.pod.name' CODEC(ZSTD(1))
    , `pod_uid` LowCardinality(String) COMMENT 'k8s.pod.uid' CODEC(ZSTD(1))
    , `attributes` Map(LowCardinality(String), String) COMMENT 'Resource attributes that have no column' CODEC(ZSTD(6))
    , `rules` Array(LowCardinality(String)) COMMENT 'Rules that matched: a heuristic, not ground truth' CODEC(ZSTD(6))
    , `severity` LowCardinality(String) COMMENT 'Highest severity of the rules that matched' CODEC(ZSTD(1))
    , `techniques` Array(LowCardinality(String)) COMMENT 'ATT&CK techniques of the rules that matched' CODEC(ZSTD(6))
    , `more` Map(LowCardinality(String), Float64) COMMENT 'Features that have no column, by name' CODEC(ZSTD(6))
    , INDEX ts_minmax ts TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toDate(ts)
ORDER BY (toStartOfHour(ts), node, entity, ts)
SETTINGS index_granularity = 4096
    , index_granularity_bytes = 67108864
    , min_compress_block_size = 32768
    , max_compress_block_size = 1048576
    , min_bytes_for_wide_part = 134217728
    , ratio_of_defaults_for_sparse_serialization = 1
    , auto_statistics_types = ''
    , ttl_only_drop_parts = 1
    , non_replicated_deduplication_window = 10000
COMMENT 'Samples of scope pod: a row per entity and time, a column per feature';

CREATE TABLE IF NOT EXISTS `nodesec`.`container_samples`
(
      `ts` DateTime64(3, 'UTC') COMMENT 'Time of the sample' CODEC(Delta(8), ZSTD(1))
    , `interval_ms` UInt32 COMMENT 'Length of the window that delta sums are about in milliseconds, 0 if unknown' CODEC(ZSTD(1))
    , `entity` UInt64 COMMENT 'Hash of what identifies the entity' CODEC(ZSTD(1))
    , `batch` UInt64 COMMENT 'Number of the insert that brought the row' CODEC(ZSTD(1))
    , `cluster` LowCardinality(String) COMMENT 'k8s.cluster.name' CODEC(ZSTD(1))
    , `node` LowCardinality(String) COMMENT 'k8s.node.name, else host.name' CODEC(ZSTD(1))
    , `namespace` LowCardinality(String) COMMENT 'k8s.namespace.name' CODEC(ZSTD(1))
    , `workload` LowCardinality(String) COMMENT 'Name of the pod\'s outermost owner' CODEC(ZSTD(1))
    , `workload_kind` LowCardinality(String) COMMENT 'Deployment, StatefulSet, DaemonSet, CronJob, Job or ReplicaSet' CODEC(ZSTD(1))
    , `pod` LowCardinality(String) COMMENT 'k8s.pod.name' CODEC(ZSTD(1))
    , `pod_uid` LowCardinality(String) COMMENT 'k8s.pod.uid' CODEC(ZSTD(1))
    , `container` LowCardinality(String) COMMENT 'k8s.container.name, else container.name' CODEC(ZSTD(1))
    , `container_id` LowCardinality(String) COMMENT 'container.id' CODEC(ZSTD(1))
    , `image` LowCardinality(String) COMMENT 'container.image.name' CODEC(ZSTD(1))
    , `image_tag` LowCardinality(String) COMMENT 'container.image.tag, else the first of container.image.tags' CODEC(ZSTD(1))
    , `cgroup` LowCardinality(String) COMMENT 'cgroup path' CODEC(ZSTD(1))
    , `attributes` Map(LowCardinality(String), String) COMMENT 'Resource attributes that have no column' CODEC(ZSTD(6))
    , `rules` Array(LowCardinality(String)) COMMENT 'Rules that matched: a heuristic, not ground truth' CODEC(ZSTD(6))
    , `severity` LowCardinality(String) COMMENT 'Highest severity of the rules that matched' CODEC(ZSTD(1))
    , `techniques` Array(LowCardinality(String)) COMMENT 'ATT&CK techniques of the rules that matched' CODEC(ZSTD(6))
    , `more` Map(LowCardinality(String), Float64) COMMENT 'Features that have no column, by name' CODEC(ZSTD(6))
    , INDEX ts_minmax ts TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toDate(ts)
ORDER BY (toStartOfHour(ts), node, entity, ts)
SETTINGS index_granularity = 4096
    , index_granularity_bytes = 67108864
    , min_compress_block_size = 32768
    , max_compress_block_size = 1048576
    , min_bytes_for_wide_part = 134217728
    , ratio_of_defaults_for_sparse_serialization = 1
    , auto_statistics_types = ''
    , ttl_only_drop_parts = 1
    , non_replicated_deduplication_window = 10000
COMMENT 'Samples of scope container: a row per entity and time, a column per feature';

CREATE TABLE IF NOT EXISTS `nodesec`.`process_samples`
(
      `ts` DateTime64(3, 'UTC') COMMENT 'Time of the sample' CODEC(Delta(8), ZSTD(1))
    , `interval_ms` UInt32 COMMENT 'Length of the window that delta sums are about in milliseconds, 0 if unknown' CODEC(ZSTD(1))
    , `entity` UInt64 COMMENT 'Hash of what identifies the entity' CODEC(ZSTD(1))
    , `batch` UInt64 COMMENT 'Number of the insert that brought the row' CODEC(ZSTD(1))
    , `cluster` LowCardinality(String) COMMENT 'k8s.cluster.name' CODEC(ZSTD(1))
    , `node` LowCardinality(String) COMMENT 'k8s.node.name, else host.name' CODEC(ZSTD(1))
    , `namespace` LowCardinality(String) COMMENT 'k8s.namespace.name' CODEC(ZSTD(1))
    , `workload` LowCardinality(String) COMMENT 'Name of the pod\'s outermost owner' CODEC(ZSTD(1))
    , `workload_kind` LowCardinality(String) COMMENT 'Deployment, StatefulSet, DaemonSet, CronJob, Job or ReplicaSet' CODEC(ZSTD(1))
    , `pod` LowCardinality(String) COMMENT 'k8s.pod.name' CODEC(ZSTD(1))
    , `pod_uid` LowCardinality(String) COMMENT 'k8s.pod.uid' CODEC(ZSTD(1))
    , `container` LowCardinality(String) COMMENT 'k8s.container.name, else container.name' CODEC(ZSTD(1))
    , `container_id` LowCardinality(String) COMMENT 'container.id' CODEC(ZSTD(1))
    , `image` LowCardinality(String) COMMENT 'container.image.name' CODEC(ZSTD(1))
    , `image_tag` LowCardinality(String) COMMENT 'container.image.tag, else the first of container.image.tags' CODEC(ZSTD(1))
    , `cgroup` LowCardinality(String) COMMENT 'cgroup path' CODEC(ZSTD(1))
    , `process` LowCardinality(String) COMMENT 'process.executable.name' CODEC(ZSTD(1))
    , `exe` LowCardinality(String) COMMENT 'process.executable.path' CODEC(ZSTD(1))
    , `command` String COMMENT 'process.command_line' CODEC(ZSTD(1))
    , `pid` UInt32 COMMENT 'process.pid' CODEC(ZSTD(1))
    , `ppid` UInt32 COMMENT 'process.parent_pid, 0 if unknown' CODEC(ZSTD(1))
    , `created` DateTime64(3, 'UTC') COMMENT 'process.creation.time, 1970 if unknown' CODEC(ZSTD(1))
    , `attributes` Map(LowCardinality(String), String) COMMENT 'Resource attributes that have no column' CODEC(ZSTD(6))
    , `rules` Array(LowCardinality(String)) COMMENT 'Rules that matched: a heuristic, not ground truth' CODEC(ZSTD(6))
    , `severity` LowCardinality(String) COMMENT 'Highest severity of the rules that matched' CODEC(ZSTD(1))
    , `techniques` Array(LowCardinality(String)) COMMENT 'ATT&CK techniques of the rules that matched' CODEC(ZSTD(6))
    , `more` Map(LowCardinality(String), Float64) COMMENT 'Features that have no column, by name' CODEC(ZSTD(6))
    , INDEX ts_minmax ts TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toDate(ts)
ORDER BY (toStartOfHour(ts), node, entity, ts)
SETTINGS index_granularity = 4096
    , index_granularity_bytes = 67108864
    , min_compress_block_size = 32768
    , max_compress_block_size = 1048576
    , min_bytes_for_wide_part = 134217728
    , ratio_of_defaults_for_sparse_serialization = 1
    , auto_statistics_types = ''
    , ttl_only_drop_parts = 1
    , non_replicated_deduplication_window = 10000
COMMENT 'Samples of scope process: a row per entity and time, a column per feature';

CREATE TABLE IF NOT EXISTS `nodesec`.`other_samples`
(
      `ts` DateTime64(3, 'UTC') COMMENT 'Time of the sample' CODEC(Delta(8), ZSTD(1))
    , `interval_ms` UInt32 COMMENT 'Length of the window that delta sums are about in milliseconds, 0 if unknown' CODEC(ZSTD(1))
    , `entity` UInt64 COMMENT 'Hash of what identifies the entity' CODEC(ZSTD(1))
    , `batch` UInt64 COMMENT 'Number of the insert that brought the row' CODEC(ZSTD(1))
    , `cluster` LowCardinality(String) COMMENT 'k8s.cluster.name' CODEC(ZSTD(1))
    , `node` LowCardinality(String) COMMENT 'k8s.node.name, else host.name' CODEC(ZSTD(1))
    , `attributes` Map(LowCardinality(String), String) COMMENT 'Resource attributes that have no column' CODEC(ZSTD(6))
    , `rules` Array(LowCardinality(String)) COMMENT 'Rules that matched: a heuristic, not ground truth' CODEC(ZSTD(6))
    , `severity` LowCardinality(String) COMMENT 'Highest severity of the rules that matched' CODEC(ZSTD(1))
    , `techniques` Array(LowCardinality(String)) COMMENT 'ATT&CK techniques of the rules that matched' CODEC(ZSTD(6))
    , `more` Map(LowCardinality(String), Float64) COMMENT 'Features that have no column, by name' CODEC(ZSTD(6))
    , INDEX ts_minmax ts TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toDate(ts)
ORDER BY (toStartOfHour(ts), node, entity, ts)
SETTINGS index_granularity = 4096
    , index_granularity_bytes = 67108864
    , min_compress_block_size = 32768
    , max_compress_block_size = 1048576
    , min_bytes_for_wide_part = 134217728
    , ratio_of_defaults_for_sparse_serialization = 1
    , auto_statistics_types = ''
    , ttl_only_drop_parts = 1
    , non_replicated_deduplication_window = 10000
COMMENT 'Samples of scope other: a row per entity and time, a column per feature';

CREATE TABLE IF NOT EXISTS `nodesec`.`events`
(
      `ts` DateTime64(9, 'UTC') COMMENT 'Time of the event' CODEC(Delta(8), ZSTD(1))
    , `observed` DateTime64(9, 'UTC') COMMENT 'Time at which it was observed; of our receivers and rules: the tick' CODEC(Delta(8), ZSTD(1))
    , `entity` UInt64 COMMENT 'Hash of what identifies the entity, as in the tables of samples' CODEC(ZSTD(1))
    , `batch` UInt64 COMMENT 'Number of the insert that brought the row' CODEC(ZSTD(1))
    , `scope` LowCardinality(String) COMMENT 'What kind of entity it is: node, pod, container, process, other' CODEC(ZSTD(1))
    , `event` LowCardinality(String) COMMENT 'Name of the event' CODEC(ZSTD(1))
    , `cluster` LowCardinality(String) COMMENT 'k8s.cluster.name' CODEC(ZSTD(1))
    , `node` LowCardinality(String) COMMENT 'k8s.node.name, else host.name' CODEC(ZSTD(1))
    , `namespace` LowCardinality(String) COMMENT 'k8s.namespace.name' CODEC(ZSTD(1))
    , `workload` LowCardinality(String) COMMENT 'Name of the pod\'s outermost owner' CODEC(ZSTD(1))
    , `workload_kind` LowCardinality(String) COMMENT 'Deployment, StatefulSet, DaemonSet, CronJob, Job or ReplicaSet' CODEC(ZSTD(1))
    , `pod` LowCardinality(String) COMMENT 'k8s.pod.name' CODEC(ZSTD(1))
    , `pod_uid` LowCardinality(String) COMMENT 'k8s.pod.uid' CODEC(ZSTD(1))
    , `container` LowCardinality(String) COMMENT 'k8s.container.name, else container.name' CODEC(ZSTD(1))
    , `container_id` LowCardinality(String) COMMENT 'container.id' CODEC(ZSTD(1))
    , `image` LowCardinality(String) COMMENT 'container.image.name' CODEC(ZSTD(1))
    , `image_tag` LowCardinality(String) COMMENT 'container.image.tag, else the first of container.image.tags' CODEC(ZSTD(1))
    , `cgroup` LowCardinality(String) COMMENT 'cgroup path' CODEC(ZSTD(1))
    , `process` LowCardinality(String) COMMENT 'process.executable.name' CODEC(ZSTD(1))
    , `exe` LowCardinality(String) COMMENT 'process.executable.path' CODEC(ZSTD(1))
    , `command` String COMMENT 'process.command_line' CODEC(ZSTD(1))
    , `severity_number` UInt8 COMMENT 'OpenTelemetry severity number, 0 if unspecified' CODEC(ZSTD(1))
    , `severity` LowCardinality(String) COMMENT 'Severity text' CODEC(ZSTD(1))
    , `body` String COMMENT 'Body of the log record' CODEC(ZSTD(3))
    , `attributes` Map(LowCardinality(String), String) COMMENT 'Attributes of the log record' CODEC(ZSTD(3))
    , `resource` Map(LowCardinality(String), String) COMMENT 'Resource attributes that have no column' CODEC(ZSTD(6))
)
ENGINE = MergeTree
PARTITION BY toDate(ts)
ORDER BY (event, ts)
SETTINGS ttl_only_drop_parts = 1
    , non_replicated_deduplication_window = 10000
COMMENT 'Log records: rare events with a text';

CREATE VIEW IF NOT EXISTS `nodesec`.`detections` AS
SELECT
      ts
    , CAST(event, 'String') = 'nodesec.detection.end' AS ended
    , attributes['security_rule.name'] AS rule
    , if(ended, attributes['nodesec.severity'], CAST(severity, 'String')) AS level
    , JSONExtract(attributes['nodesec.attack.techniques'], 'Array(String)') AS techniques
    , attributes['security_rule.description'] AS description
    , attributes['nodesec.evidence'] AS evidence
    , attributes['nodesec.detection.id'] AS id
    , toFloat64OrNull(attributes['nodesec.detection.duration']) AS duration
    , scope, entity, cluster, node, namespace, workload, workload_kind, pod, container, container_id, image, cgroup, process, exe
FROM `nodesec`.`events`
WHERE event IN ('nodesec.detection.start', 'nodesec.detection.end')
COMMENT 'Starts and ends of alerts, out of the log records of the connector detections';

ALTER TABLE `nodesec`.`container_samples`
      ADD COLUMN IF NOT EXISTS `container_cpu_time_user` Float64 DEFAULT nan COMMENT '{"metric":"container.cpu.time","attributes":{"cpu.mode":"user"},"unit":"s","type":"sum","temporality":"delta"}' CODEC(Delta(8), ZSTD(3))
    , ADD COLUMN IF NOT EXISTS `exec_shell` Float64 DEFAULT nan COMMENT '{"metric":"nodesec.exec.shell","unit":"{exec}","type":"sum","temporality":"delta","integer":true,"description":"It\'s `a` \\\\ shell"}' CODEC(ZSTD(1))
    , ADD COLUMN IF NOT EXISTS `container_memory_usage` Float64 DEFAULT nan COMMENT '{"metric":"container.memory.usage","unit":"By","type":"gauge","integer":true}' CODEC(Gorilla, ZSTD(1))
    , ADD COLUMN IF NOT EXISTS `latency_counts` Array(UInt64) COMMENT '{"metric":"latency","part":"counts","type":"histogram","temporality":"delta"}' CODEC(ZSTD(3));
