# The commands of the page of the seed, word for word, in its order. Not reachable here, and so replaced: the URL of Gateway API's
# manifest (step 2) by that manifest from its Go module. `nantian-gw/nantian-gw` is a folder here, not a chart of a repository.
# Mended, because the page's own typesetting broke it: the continuation of the lines of `helm install`, and its two hyphens.
# `...` of the page ("apply all resource files") is spelt out, and so is step 3, which it has no command for.

## Back up with Velero
velero backup create nantian-gw-backup \
--include-namespaces nantian-gw \
--wait
velero backup create nantian-routes-backup \
--include-namespaces my-app,my-other-app \
--include-resources gateways.gateway.networking.k8s.io,httproutes.gateway.networking.k8s.io,grpcroutes.gateway.networking.k8s.io,tcproutes.gateway.networking.k8s.io,udproutes.gateway.networking.k8s.io,tlsroutes.gateway.networking.k8s.io,referencegrants.gateway.networking.k8s.io,backendtlspolicies.gateway.networking.k8s.io \
--wait

## Back up with Velero what the page does not name
velero backup create nantian-others-backup \
--include-namespaces my-app,my-other-app \
--include-cluster-scoped-resources gatewayclasses.gateway.networking.k8s.io \
--wait

## Export
kubectl get gateways.gateway.networking.k8s.io --all-namespaces -o yaml > gateways.yaml
kubectl get httproutes.gateway.networking.k8s.io --all-namespaces -o yaml > httproutes.yaml
kubectl get grpcroutes.gateway.networking.k8s.io --all-namespaces -o yaml > grpcroutes.yaml
kubectl get tcproutes.gateway.networking.k8s.io --all-namespaces -o yaml > tcproutes.yaml
kubectl get udproutes.gateway.networking.k8s.io --all-namespaces -o yaml > udproutes.yaml
kubectl get tlsroutes.gateway.networking.k8s.io --all-namespaces -o yaml > tlsroutes.yaml
kubectl get referencegrants.gateway.networking.k8s.io --all-namespaces -o yaml > referencegrants.yaml
kubectl get backendtlspolicies.gateway.networking.k8s.io --all-namespaces -o yaml > backendtlspolicies.yaml
kubectl get aiservices.nantian.dev --all-namespaces -o yaml > aiservices.yaml
kubectl get tokenpolicies.nantian.dev --all-namespaces -o yaml > tokenpolicies.yaml
kubectl get wasmplugins.nantian.dev --all-namespaces -o yaml > wasmplugins.yaml
kubectl get backendlbpolicies.nantian.dev --all-namespaces -o yaml > backendlbpolicies.yaml
kubectl get secrets -n nantian-gw -o yaml > nantian-gw-secrets.yaml
helm get values nantian-gw -n nantian-gw > nantian-gw-helm-values.yaml

## Export what the page does not name
kubectl get routepolicies.nantian.dev --all-namespaces -o yaml > routepolicies.yaml
kubectl get securitypolicies.nantian.dev --all-namespaces -o yaml > securitypolicies.yaml
kubectl get directresponses.nantian.dev --all-namespaces -o yaml > directresponses.yaml

## Install Gateway API CRDs
kubectl apply -f https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.5.1/standard-install.yaml

## Install Nantian Gateway CRDs
kubectl apply -f nantian-gw/nantian-gw/crds/

## Install Nantian Gateway via Helm
helm install nantian-gw nantian-gw/nantian-gw \
  -f nantian-gw-helm-values.yaml \
  -n nantian-gw --create-namespace

## Wait for the control plane to become ready
kubectl wait --for=condition=ready pod -l app=nantian-controlplane -n nantian-gw --timeout=120s

## Restore Gateway API resources
kubectl apply -f gateways.yaml
kubectl apply -f httproutes.yaml
kubectl apply -f grpcroutes.yaml
kubectl apply -f tcproutes.yaml
kubectl apply -f udproutes.yaml
kubectl apply -f tlsroutes.yaml
kubectl apply -f referencegrants.yaml
kubectl apply -f backendtlspolicies.yaml

## Restore TLS secrets
kubectl apply -f nantian-gw-secrets.yaml

## Restore custom CRD resources
kubectl apply -f aiservices.yaml
kubectl apply -f tokenpolicies.yaml
kubectl apply -f wasmplugins.yaml
kubectl apply -f backendlbpolicies.yaml

## Restore what the page does not name
kubectl apply -f routepolicies.yaml
kubectl apply -f securitypolicies.yaml
kubectl apply -f directresponses.yaml

## Verify the gateway is operational
kubectl exec -n nantian-gw deployment/nantian-gw-controlplane -- \
  curl -s http://localhost:18081/v1/summary | jq .

## Restart the control plane
kubectl rollout restart deployment/nantian-gw-controlplane -n nantian-gw
kubectl wait --for=condition=ready pod -l app=nantian-controlplane -n nantian-gw --timeout=120s

## Restart the data plane
kubectl rollout restart deployment/nantian-gw-dataplane -n nantian-gw
kubectl wait --for=condition=ready pod -l app=nantian-dataplane -n nantian-gw --timeout=120s

## Copy a namespace
kubectl create namespace nantian-dr-test
kubectl get gateways,httproutes -n production -o yaml | \
  sed 's/namespace: production/namespace: nantian-dr-test/' | \
  kubectl apply -n nantian-dr-test -f -

## Verify the gateway sees the test resources
kubectl exec -n nantian-gw deployment/nantian-gw-controlplane -- \
  curl -s http://localhost:18081/v1/listeners | jq '.[] | select(.namespace == "nantian-dr-test")'

## Clean up
kubectl delete namespace nantian-dr-test
