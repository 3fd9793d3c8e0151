{{- define "upgrade-readiness-agent.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "upgrade-readiness-agent.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains .Chart.Name .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "upgrade-readiness-agent.name" .) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "upgrade-readiness-agent.selector" -}}
app.kubernetes.io/name: {{ include "upgrade-readiness-agent.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "upgrade-readiness-agent.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "upgrade-readiness-agent.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* The configuration: what the chart decides, then what the values say. */}}
{{- define "upgrade-readiness-agent.config" -}}
{{- range $table := list "http" "log" }}
{{- if regexMatch (printf "(?m)^[ \t]*\\[[ \t]*%s[ \t]*[].]" $table) $.Values.config }}
{{- fail (printf "config must not have [%s]: the chart writes it, from service.port and log" $table) }}
{{- end }}
{{- end }}
{{- if not (regexMatch "(?m)^[ \t]*\\[\\[[ \t]*instance[ \t]*\\]\\]" .Values.config) }}
{{- fail "config must have at least one [[instance]]: see values.yaml, and `agent config schema` for every key" }}
{{- end -}}
state_dir = "/var/lib/upgrade-readiness-agent"

[http]
# Who reaches this port is the matter of the NetworkPolicy: in a pod, loopback would shut Prometheus and probes out.
listen = "0.0.0.0:{{ .Values.service.port }}"
allow_remote = true

[log]
level = "{{ .Values.log.level }}"
format = "{{ .Values.log.format }}"

{{ .Values.config | trim }}
{{ end }}

{{/* The container. A chart of a product takes it into its own pod as a sidecar: see README.md. */}}
{{- define "upgrade-readiness-agent.container" -}}
- name: upgrade-readiness-agent
  image: "{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}"
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  args: ["run", "--config", "/etc/upgrade-readiness-agent/agent.toml"]
  env:
    # Where keys that end in _credential look.
    - name: CREDENTIALS_DIRECTORY
      value: /run/credentials/upgrade-readiness-agent
  ports:
    - name: readiness
      containerPort: {{ .Values.service.port }}
  startupProbe:
    httpGet: { path: /-/healthy, port: readiness }
    periodSeconds: 2
    failureThreshold: 60
  livenessProbe:
    httpGet: { path: /-/healthy, port: readiness }
    periodSeconds: 30
    timeoutSeconds: 5
  readinessProbe:
    httpGet: { path: /-/ready, port: readiness }
    periodSeconds: 10
    timeoutSeconds: 5
  resources: {{- toYaml .Values.resources | nindent 4 }}
  securityContext:
    runAsNonRoot: true
    runAsUser: {{ .Values.user }}
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    privileged: false
    capabilities:
      drop: [ALL]
    seccompProfile:
      type: RuntimeDefault
  volumeMounts:
    - name: readiness-config
      mountPath: /etc/upgrade-readiness-agent
      readOnly: true
    - name: readiness-state
      mountPath: /var/lib/upgrade-readiness-agent
    - name: readiness-tmp
      mountPath: /tmp
    {{- if .Values.credentials }}
    - name: readiness-credentials
      mountPath: /run/credentials/upgrade-readiness-agent
      readOnly: true
    {{- end }}
    {{- range .Values.watched }}
    - name: {{ .name }}
      mountPath: {{ .mountPath | quote }}
      {{- with .subPath }}
      subPath: {{ . | quote }}
      {{- end }}
      readOnly: true
    {{- end }}
{{- end }}

{{/* Its volumes, apart from those that are watched and, when it is persistent, that of the state. */}}
{{- define "upgrade-readiness-agent.volumes" -}}
- name: readiness-config
  configMap:
    name: {{ include "upgrade-readiness-agent.fullname" . }}
- name: readiness-tmp
  emptyDir:
    sizeLimit: 256Mi
{{- if .Values.credentials }}
- name: readiness-credentials
  projected:
    # The group of the pod reads them, others do not.
    defaultMode: 0440
    sources:
      {{- range .Values.credentials }}
      - secret:
          name: {{ .secret }}
          items:
            - key: {{ .key }}
              path: {{ .name }}
      {{- end }}
{{- end }}
{{- if not (and .Values.workload.enabled .Values.state.persistent) }}
- name: readiness-state
  emptyDir:
    sizeLimit: {{ .Values.state.size }}
{{- end }}
{{- end }}
