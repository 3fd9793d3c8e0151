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

{{/* How somebody of http.access shows who they are: token, password or certificate. */}}
{{- define "upgrade-readiness-agent.proof" -}}
{{- $marks := list .certificateSubject .certificateSan .certificateSha256 | compact }}
{{- $ways := list }}
{{- if .token }}{{ $ways = append $ways "token" }}{{ end }}
{{- if or .username .password }}{{ $ways = append $ways "password" }}{{ end }}
{{- range $marks }}{{ $ways = append $ways "certificate" }}{{ end }}
{{- if ne (len $ways) 1 }}
{{- fail (printf "http.access: %q must have one of token, username with password, certificateSubject, certificateSan and certificateSha256" .name) }}
{{- end }}
{{- if and (has "password" $ways) (not (and .username .password)) }}
{{- fail (printf "http.access: %q must have both username and password" .name) }}
{{- end }}
{{- first $ways }}
{{- end }}

{{/* Refuses what the agent would refuse, or what would not be what was meant, before anything is installed. */}}
{{- define "upgrade-readiness-agent.checkHttp" -}}
{{- $http := .Values.http }}
{{- if and $http.access (not $http.tls.secret) }}
{{- fail "http.access needs http.tls.secret: without TLS tokens and passwords can be read on the way" }}
{{- end }}
{{- if and $http.tls.secret (not $http.access) }}
{{- fail "http.tls.secret needs http.access: without entries everybody who reaches the agent reads everything, over TLS too" }}
{{- end }}
{{- if and $http.tls.clientCA.secret (not $http.tls.secret) }}
{{- fail "http.tls.clientCA.secret needs http.tls.secret: client certificates are shown over TLS only" }}
{{- end }}
{{- $names := list }}
{{- range $http.access }}
{{- if has .name $names }}
{{- fail (printf "http.access: %q is used twice" .name) }}
{{- end }}
{{- $names = append $names .name }}
{{- if and (eq (include "upgrade-readiness-agent.proof" .) "certificate") (not $http.tls.clientCA.secret) }}
{{- fail (printf "http.access: %q needs http.tls.clientCA.secret, the authority that signed its certificate" .name) }}
{{- end }}
{{- end }}
{{- end }}

{{/* The configuration: what the chart decides, then what the values say. */}}
{{- define "upgrade-readiness-agent.config" -}}
{{- range $table := list "http" "log" }}
{{- if regexMatch (printf "(?m)^[ \t]*\\[\\[?[ \t]*%s[ \t]*[].]" $table) $.Values.config }}
{{- fail (printf "config must not have [%s]: the chart writes it, from service.port, http and log" $table) }}
{{- end }}
{{- end }}
{{- if not (regexMatch "(?m)^[ \t]*\\[\\[[ \t]*instance[ \t]*\\]\\]" .Values.config) }}
{{- fail "config must have at least one [[instance]]: see values.yaml, and `agent config schema` for every key" }}
{{- end }}
{{- include "upgrade-readiness-agent.checkHttp" . -}}
state_dir = "/var/lib/upgrade-readiness-agent"

[http]
listen = "0.0.0.0:{{ .Values.service.port }}"
{{- if not .Values.http.tls.secret }}
# Neither TLS nor anybody who is known: who reaches this port is the matter of the NetworkPolicy alone.
allow_remote = true
{{- end }}
{{- with .Values.http.hosts }}
hosts = {{ toJson . }}
{{- end }}
{{- with .Values.http.tls }}
{{- if .secret }}

[http.tls]
cert_file = "/run/upgrade-readiness-agent/tls/tls.crt"
key_file = "/run/upgrade-readiness-agent/tls/tls.key"
{{- if .clientCA.secret }}
client_ca_file = "/run/upgrade-readiness-agent/tls/clients.crt"
{{- end }}
strict_transport = {{ .strictTransport }}
{{- end }}
{{- end }}
{{- range $index, $entry := .Values.http.access }}

[[http.access]]
name = {{ toJson .name }}
may = {{ toJson .may }}
{{- if .token }}
token_file = "/run/upgrade-readiness-agent/access/{{ $index }}"
{{- end }}
{{- if .password }}
username = {{ toJson .username }}
password_file = "/run/upgrade-readiness-agent/access/{{ $index }}"
{{- end }}
{{- with .certificateSubject }}
certificate_subject = {{ toJson . }}
{{- end }}
{{- with .certificateSan }}
certificate_san = {{ toJson . }}
{{- end }}
{{- with .certificateSha256 }}
certificate_sha256 = {{ toJson . }}
{{- end }}
{{- end }}

[log]
level = "{{ .Values.log.level }}"
format = "{{ .Values.log.format }}"

{{ .Values.config | trim }}
{{ end }}

{{/* Secrets of http.access as sources of a projected volume; empty when all show certificates. */}}
{{- define "upgrade-readiness-agent.accessSources" -}}
{{- range $index, $entry := .Values.http.access }}
{{- with $entry.token | default $entry.password }}
- secret:
    name: {{ .secret | quote }}
    items:
      - key: {{ .key | quote }}
        path: {{ $index | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* How the kubelet asks: over TLS it trusts every certificate, and both paths are open to everybody. */}}
{{- define "upgrade-readiness-agent.probe" -}}
httpGet: { path: {{ .path }}, port: readiness{{ if .root.Values.http.tls.secret }}, scheme: HTTPS{{ end }} }
{{- end }}

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
    {{- include "upgrade-readiness-agent.probe" (dict "path" "/-/healthy" "root" .) | nindent 4 }}
    periodSeconds: 2
    failureThreshold: 60
  livenessProbe:
    {{- include "upgrade-readiness-agent.probe" (dict "path" "/-/healthy" "root" .) | nindent 4 }}
    periodSeconds: 30
    timeoutSeconds: 5
  readinessProbe:
    {{- include "upgrade-readiness-agent.probe" (dict "path" "/-/ready" "root" .) | nindent 4 }}
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
    {{- if .Values.http.tls.secret }}
    - name: readiness-tls
      mountPath: /run/upgrade-readiness-agent/tls
      readOnly: true
    {{- end }}
    {{- if include "upgrade-readiness-agent.accessSources" . }}
    - name: readiness-access
      mountPath: /run/upgrade-readiness-agent/access
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
{{- with .Values.http.tls }}
{{- if .secret }}
- name: readiness-tls
  projected:
    # The key too is for the group of the pod alone. A renewed certificate comes by itself, and is taken in.
    defaultMode: 0440
    sources:
      - secret:
          name: {{ .secret | quote }}
          items:
            - { key: tls.crt, path: tls.crt }
            - { key: tls.key, path: tls.key }
      {{- if .clientCA.secret }}
      - secret:
          name: {{ .clientCA.secret | quote }}
          items:
            - { key: {{ .clientCA.key | quote }}, path: clients.crt }
      {{- end }}
{{- end }}
{{- end }}
{{- with include "upgrade-readiness-agent.accessSources" . }}
- name: readiness-access
  projected:
    defaultMode: 0440
    sources: {{- . | trim | nindent 6 }}
{{- end }}
{{- if not (and .Values.workload.enabled .Values.state.persistent) }}
- name: readiness-state
  emptyDir:
    sizeLimit: {{ .Values.state.size }}
{{- end }}
{{- end }}
