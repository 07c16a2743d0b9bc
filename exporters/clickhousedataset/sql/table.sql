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
SETTINGS index_granularity = 4096
    , index_granularity_bytes = 67108864
    , min_compress_block_size = 32768
    , max_compress_block_size = 1048576
    , min_bytes_for_wide_part = 134217728
    , ratio_of_defaults_for_sparse_serialization = 1
    , auto_statistics_types = ''
    , ttl_only_drop_parts = 1
    , {{ .WindowSetting }} = {{ .Window }}
COMMENT {{ text .Comment }}
