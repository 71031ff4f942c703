{{- define "headroom.name" -}}
{{- printf "%s" .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "headroom.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ with .Values.image.digest }}@{{ . }}{{ end }}
{{- end -}}

{{- define "headroom.selector" -}}
app.kubernetes.io/name: headroom
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "headroom.labels" -}}
{{ include "headroom.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end -}}

{{- /* A pod is made anew when its files change. */ -}}
{{- define "headroom.checksum" -}}
checksum/files: {{ printf "%s%s%s" .Values.site .Values.policy (.Values.maps | toJson) | sha256sum }}
{{- end -}}

{{- /* Of every container: nothing to write but what is mounted. */ -}}
{{- define "headroom.restricted" -}}
readOnlyRootFilesystem: true
seccompProfile: { type: RuntimeDefault }
{{- end -}}
