ALTER TABLE {{ name .Database }}.{{ name .Table }}{{ .OnCluster }}
{{- range $i, $c := .Columns }}
    {{ if $i }}, {{ else }}  {{ end }}ADD COLUMN IF NOT EXISTS {{ $c }}
{{- end }}
