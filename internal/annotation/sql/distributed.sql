CREATE TABLE IF NOT EXISTS {{ name .Database }}.{{ name .Table }}{{ .OnCluster }} AS {{ name .Database }}.{{ name .Local }}
ENGINE = Distributed({{ text .Cluster }}, {{ text .Database }}, {{ text .Local }}, cityHash64(id))
COMMENT 'Ground truth: windows in which something was going on. Rows are only added; retractions are rows too'
