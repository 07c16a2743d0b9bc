CREATE TABLE IF NOT EXISTS {{ name .Database }}.{{ name .Table }}{{ .OnCluster }}
(
{{- range $i, $c := .Columns }}
    {{ if $i }}, {{ else }}  {{ end }}{{ $c }}
{{- end }}
    , INDEX ts_minmax ts TYPE minmax GRANULARITY 1
)
ENGINE = {{ .Engine }}
PARTITION BY toDate(ts)
ORDER BY (toStartOfHour(ts), node, entity, ts)
{{- if .TTLSeconds }}
TTL toDateTime(ts) + toIntervalSecond({{ .TTLSeconds }})
{{- end }}
SETTINGS index_granularity = 1024
    , min_compress_block_size = 65536
    , max_compress_block_size = 1048576
    , ttl_only_drop_parts = 1
    , {{ .WindowSetting }} = {{ .Window }}
COMMENT {{ text .Comment }}
