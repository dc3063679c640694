{{- define "nantian-gw.labels" -}}
app.kubernetes.io/name: nantian-gw
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "nantian-gw.controlplane" }}{{ .Release.Name }}-controlplane{{ end }}
{{- define "nantian-gw.dataplane" }}{{ .Release.Name }}-dataplane{{ end }}

{{- define "nantian-gw.authority-secret" }}{{ .Values.tls.authoritySecret | default (printf "%s-ca" .Release.Name) }}{{ end }}
{{- define "nantian-gw.controlplane-secret" }}{{ .Values.tls.controlPlaneSecret | default (printf "%s-tls" (include "nantian-gw.controlplane" .)) }}{{ end }}
{{- define "nantian-gw.dataplane-secret" }}{{ .Values.tls.dataPlaneSecret | default (printf "%s-tls" (include "nantian-gw.dataplane" .)) }}{{ end }}

{{- define "nantian-gw.image" -}}
{{ .root.Values.image.registry }}/{{ .name }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{- /* What the files say, the user's fields over the chart's. */}}
{{- define "nantian-gw.controlplane-config" -}}
{{- $chart := dict
  "controllerName" .Values.gatewayClass.controllerName
  "xds" (dict "dataPlane" (include "nantian-gw.dataplane" .))
}}
{{- if .Values.dedicated.enabled }}
{{- $_ := set $chart "dedicated" (dict
  "replicas" (int .Values.dedicated.replicas)
  "authoritySecret" (include "nantian-gw.authority-secret" .)
  "configuration" (include "nantian-gw.dataplane-config" . | fromYaml)
  "pod" (mergeOverwrite (include "nantian-gw.placement" (dict "root" . "plane" .Values.dataPlane) | fromYaml) (include "nantian-gw.dataplane-pod" . | fromYaml))
) }}
{{- end }}
{{- mergeOverwrite $chart (deepCopy .Values.controlPlane.config) | toYaml }}
{{- end }}

{{- define "nantian-gw.dataplane-config" -}}
{{- $drain := dict
  "delay" (printf "%ds" (int .Values.dataPlane.drain.delaySeconds))
  "timeout" (printf "%ds" (int .Values.dataPlane.drain.timeoutSeconds))
}}
{{- $chart := dict
  "node" (dict "cluster" (include "nantian-gw.dataplane" .))
  "controlPlane" (dict "address" (printf "%s.%s.svc:18080" (include "nantian-gw.controlplane" .) .Release.Namespace))
  "engine" (dict "admin" (dict "address" "0.0.0.0:19080") "drain" $drain "requests" (dict "configurationWait" "50ms"))
}}
{{- mergeOverwrite $chart (deepCopy .Values.dataPlane.config) | toYaml }}
{{- end }}

{{- /* Where Pods run, and with which secrets their images are pulled. */}}
{{- define "nantian-gw.placement" -}}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .plane.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .plane.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .plane.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* What the Pods of both planes have in common. */}}
{{- define "nantian-gw.pod" -}}
{{- include "nantian-gw.placement" . }}
topologySpreadConstraints:
- maxSkew: 1
  topologyKey: kubernetes.io/hostname
  whenUnsatisfiable: ScheduleAnyway
  labelSelector: {matchLabels: {app: {{ .app }}}}
volumes:
# Not of a ConfigMap: a Pod of an earlier build that starts again reads what that build knows.
- name: config
  downwardAPI: {items: [{path: config.yaml, fieldRef: {fieldPath: "metadata.annotations['nantian.dev/config']"}}]}
- name: tls
  secret: {secretName: {{ .secret }}, defaultMode: 0440}
{{- end }}

{{- define "nantian-gw.container" -}}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
resources: {{- toYaml .plane.resources | nindent 2 }}
volumeMounts:
- {name: config, mountPath: /etc/nantian-gw/config.yaml, subPath: config.yaml, readOnly: true}
- {name: tls, mountPath: /etc/nantian-gw/tls, readOnly: true}
{{- end }}

{{- /* What data planes have in common: those that Gateways share, and those of a Gateway's own. */}}
{{- define "nantian-gw.dataplane-pod" -}}
automountServiceAccountToken: false
# The drain, and room for the process to end.
terminationGracePeriodSeconds: {{ add .Values.dataPlane.drain.delaySeconds .Values.dataPlane.drain.timeoutSeconds 5 }}
securityContext:
  {{- include "nantian-gw.pod-security" . | nindent 2 }}
  # Listeners have any port, and the process has no capabilities.
  sysctls: [{name: net.ipv4.ip_unprivileged_port_start, value: "0"}]
containers:
- name: dataplane
  image: {{ include "nantian-gw.image" (dict "root" . "name" "nantian-dataplane") }}
  {{- include "nantian-gw.container" (dict "root" . "plane" .Values.dataPlane) | nindent 2 }}
  env:
  - {name: NANTIAN_GW_NODE_ID, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
  - {name: POD_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
  ports:
  - {name: admin, containerPort: 19080}
  livenessProbe:
    httpGet: {path: /livez, port: admin}
    periodSeconds: 10
  # Not ready at once on SIGTERM, and the drain's delay is for those who look: no preStop is needed.
  readinessProbe:
    httpGet: {path: /readyz, port: admin}
    periodSeconds: 1
{{- end }}

{{- define "nantian-gw.pod-security" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}
