CREATE TABLE IF NOT EXISTS {{ name .Database }}.{{ name .Table }}{{ .OnCluster }}
(
{{- range $i, $c := .Columns }}
    {{ if $i }}, {{ else }}  {{ end }}{{ $c }}
{{- end }}
)
ENGINE = {{ .Engine }}
PARTITION BY toDate(ts)
ORDER BY (event, ts)
{{- if .TTLSeconds }}
TTL toDateTime(ts) + toIntervalSecond({{ .TTLSeconds }})
{{- end }}
SETTINGS ttl_only_drop_parts = 1
    , {{ .WindowSetting }} = {{ .Window }}
COMMENT {{ text .Comment }}
