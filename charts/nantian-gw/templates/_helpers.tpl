{{- define "nantian-gw.labels" -}}
app.kubernetes.io/name: nantian-gw
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "nantian-gw.controlplane" }}{{ .Release.Name }}-controlplane{{ end }}
{{- define "nantian-gw.dataplane" }}{{ .Release.Name }}-dataplane{{ end }}

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
  "engine" (dict "admin" (dict "address" "0.0.0.0:19080") "drain" $drain)
}}
{{- mergeOverwrite $chart (deepCopy .Values.dataPlane.config) | toYaml }}
{{- end }}

{{- /* What the Pods of both planes have in common. */}}
{{- define "nantian-gw.pod" -}}
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
topologySpreadConstraints:
- maxSkew: 1
  topologyKey: kubernetes.io/hostname
  whenUnsatisfiable: ScheduleAnyway
  labelSelector: {matchLabels: {app: {{ .app }}}}
volumes:
- name: config
  configMap: {name: {{ .config }}}
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

{{- define "nantian-gw.pod-security" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}
