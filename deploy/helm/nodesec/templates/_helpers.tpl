{{- define "nodesec.name" -}}{{ .Chart.Name }}{{- end }}

{{- define "nodesec.fullname" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "nodesec.selector" -}}
app.kubernetes.io/name: {{ include "nodesec.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "nodesec.labels" -}}
{{ include "nodesec.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "nodesec.image" -}}
{{- if .Values.image.digest }}{{ .Values.image.repository }}@{{ .Values.image.digest }}{{ else }}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "nodesec.passwordSecret" -}}
{{ .Values.clickhouse.existingSecret | default (printf "%s-clickhouse" (include "nodesec.fullname" .)) }}
{{- end }}

{{- define "nodesec.passwordKey" -}}
{{ if .Values.clickhouse.existingSecret }}{{ .Values.clickhouse.existingSecretKey }}{{ else }}password{{ end }}
{{- end }}

{{- define "nodesec.agentSecret" -}}
{{ if eq .Values.tls.source "existing" }}{{ required "tls.agentSecret must name a secret when tls.source is existing" .Values.tls.agentSecret }}{{ else }}{{ include "nodesec.fullname" . }}-agent-tls{{ end }}
{{- end }}

{{- define "nodesec.gatewaySecret" -}}
{{ if eq .Values.tls.source "existing" }}{{ required "tls.gatewaySecret must name a secret when tls.source is existing" .Values.tls.gatewaySecret }}{{ else }}{{ include "nodesec.fullname" . }}-gateway-tls{{ end }}
{{- end }}

{{- define "nodesec.gatewayHost" -}}
{{ include "nodesec.fullname" . }}-gateway.{{ .Release.Namespace }}.svc
{{- end }}

{{- /* The exporter, for whoever writes. */}}
{{- define "nodesec.clickhouse" -}}
{{- if not .Values.clickhouse.endpoints }}{{ fail "clickhouse.endpoints must have at least one address, as clickhouse.example:9000" }}{{ end -}}
endpoints: {{ .Values.clickhouse.endpoints | toJson }}
database: {{ .Values.clickhouse.database | quote }}
username: {{ .Values.clickhouse.username | quote }}
password: ${env:CLICKHOUSE_PASSWORD}
{{- if .Values.clickhouse.ttl }}
ttl: {{ .Values.clickhouse.ttl }}
{{- end }}
{{- if .Values.clickhouse.tls }}
tls:
  insecure: false
{{- if .Values.clickhouse.caSecret }}
  ca_file: /etc/nodesec/clickhouse-ca/ca.crt
{{- end }}
{{- end }}
{{- end }}

{{- define "nodesec.telemetry" -}}
telemetry:
  logs:
    level: info
  metrics:
    readers:
      - pull:
          exporter:
            prometheus:
              host: ${env:POD_IP}
              port: 8888
{{- end }}

{{- define "nodesec.probes" -}}
livenessProbe:
  httpGet: {path: /, port: health}
  periodSeconds: 10
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /, port: health}
  periodSeconds: 5
startupProbe:
  httpGet: {path: /, port: health}
  periodSeconds: 2
  failureThreshold: 60
{{- end }}

{{- define "nodesec.clickhouseVolumes" -}}
{{- if and .Values.clickhouse.tls .Values.clickhouse.caSecret }}
- name: clickhouse-ca
  secret: {secretName: {{ .Values.clickhouse.caSecret }}}
{{- end }}
{{- end }}

{{- define "nodesec.clickhouseMounts" -}}
{{- if and .Values.clickhouse.tls .Values.clickhouse.caSecret }}
- {name: clickhouse-ca, mountPath: /etc/nodesec/clickhouse-ca, readOnly: true}
{{- end }}
{{- end }}

{{- define "nodesec.toClickHouse" -}}
{{- $ports := list }}
{{- range .Values.clickhouse.endpoints }}{{ $ports = append $ports (splitList ":" . | last | int) }}{{ end }}
- ports:
  {{- range $ports | uniq }}
  - {protocol: TCP, port: {{ . }}}
  {{- end }}
  {{- with .Values.networkPolicy.clickhouseCIDRs }}
  to:
  {{- range . }}
  - ipBlock: {cidr: {{ . }}}
  {{- end }}
  {{- end }}
{{- end }}
{{- define "nodesec.toDNS" -}}
- ports: [{protocol: UDP, port: 53}, {protocol: TCP, port: 53}]
{{- end }}
