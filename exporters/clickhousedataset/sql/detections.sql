CREATE VIEW IF NOT EXISTS {{ name .Database }}.{{ name .Table }}{{ .OnCluster }} AS
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
FROM {{ name .Database }}.{{ name .Local }}
WHERE event IN ('nodesec.detection.start', 'nodesec.detection.end')
COMMENT {{ text .Comment }}
