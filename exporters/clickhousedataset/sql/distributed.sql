CREATE TABLE IF NOT EXISTS {{ name .Database }}.{{ name .Table }}{{ .OnCluster }} AS {{ name .Database }}.{{ name .Local }}
ENGINE = Distributed({{ text .Cluster }}, {{ text .Database }}, {{ text .Local }}, entity)
COMMENT {{ text .Comment }}
