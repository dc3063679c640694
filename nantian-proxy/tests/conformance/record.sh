#!/usr/bin/env bash
# usage: nantian-proxy/tests/conformance/record.sh > expectations.jsonl
# Records what the upstream conformance suite asks for: its Go tests run against stand-ins of the suite's own packages,
# which write down each call instead of making it. Needs Go, Python 3 and the Go module proxy; for a new version of the
# Gateway API only. Tests that read or change objects with a client, or that measure, are not recorded: by-hand.jsonl.
set -euo pipefail
version=v1.5.1
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
mkdir fetch && (cd fetch && go mod init fetch && go mod download sigs.k8s.io/gateway-api/conformance@$version) >&2
suite=$(go env GOMODCACHE)/sigs.k8s.io/gateway-api/conformance@$version
mkdir -p tests utils/{suite,kubernetes,http,tls,grpc,roundtripper,tlog,config,record} echo-basic/grpcechoserver codes
for file in "$suite"/tests/{httproute-,grpcroute-,gateway-}*.go; do
  case $(basename "$file") in
    *websocket*|*observed*|*service-types*|*percentage*|*weight.go|*backend-weights*) ;;  # by hand
    gateway-infra*|gateway-modify*|gateway-static*|gateway-optional*) ;;         # by hand
    gateway-invalid-tls-backend*) ;;                                             # by hand
    *clientcert*|*backend-client*|gateway-invalid-default*) ;;  # not supported
    *) sed 's#"google.golang.org/grpc/codes"#"sigs.k8s.io/gateway-api/conformance/codes"#; s/t\.Parallel()//' \
         "$file" > "tests/$(basename "$file")" ;;
  esac
done
cat > go.mod <<END
module sigs.k8s.io/gateway-api/conformance
go 1.25.0
require sigs.k8s.io/gateway-api $version
END
cat > utils/record/record.go <<'END'
package record
import ("encoding/json";"fmt";"os")
var Out *os.File
func Rec(op string, kv ...any) {
 m := map[string]any{"op": op}
 for i := 0; i < len(kv); i += 2 { m[kv[i].(string)] = kv[i+1] }
 b, err := json.Marshal(m); if err != nil { panic(err) }
 fmt.Fprintln(Out, string(b))
}
END
cat > utils/config/config.go <<'END'
package config
import "time"
type TimeoutConfig struct { DefaultTestTimeout, LatestObservedGenerationSet, MaxTimeToConsistency, DeleteTimeout time.Duration; RequiredConsecutiveSuccesses int }
END
cat > utils/tlog/tlog.go <<'END'
package tlog
import "testing"
func Logf(t *testing.T, f string, a ...any) {}
func Log(t *testing.T, a ...any) {}
func Fatalf(t *testing.T, f string, a ...any) {}
END
cat > utils/roundtripper/roundtripper.go <<'END'
package roundtripper
const (H2CPriorKnowledgeProtocol = "H2C_PRIOR_KNOWLEDGE"; HTTPProtocol="HTTP"; H2Protocol="H2")
type RoundTripper interface{}
type RedirectRequest struct { Scheme, Host, Port, Path string }
END
cat > utils/tls/tls.go <<'END'
package tls
import ("testing"
"sigs.k8s.io/gateway-api/conformance/utils/config"
"sigs.k8s.io/gateway-api/conformance/utils/http"
"sigs.k8s.io/gateway-api/conformance/utils/roundtripper"
"sigs.k8s.io/gateway-api/conformance/utils/record")
func MakeTLSRequestAndExpectEventuallyConsistentResponse(t *testing.T, r roundtripper.RoundTripper, tc config.TimeoutConfig, gwAddr string, a, b, c []byte, serverName string, e http.ExpectedResponse) { record.Rec("request","at",gwAddr,"serverName",serverName,"case",e) }
func MakeTLSRequestAndExpectFailureResponse(t *testing.T, r roundtripper.RoundTripper, gwAddr string, a, b, c []byte, serverName string, e http.ExpectedResponse) { record.Rec("failure","at",gwAddr,"serverName",serverName,"case",e) }
END
cat > codes/codes.go <<'END'
package codes
type Code int
const (OK Code=0; NotFound Code=5; Unimplemented Code=12; Unavailable Code=14)
END
cat > echo-basic/grpcechoserver/echo.go <<'END'
package grpcechoserver
type EchoRequest struct{}
type EchoResponse struct{}
END
cat > utils/grpc/grpc.go <<'END'
package grpc
import ("fmt";"testing"
pb "sigs.k8s.io/gateway-api/conformance/echo-basic/grpcechoserver"
"sigs.k8s.io/gateway-api/conformance/codes"
"sigs.k8s.io/gateway-api/conformance/utils/config"
"sigs.k8s.io/gateway-api/conformance/utils/record")
type Client interface{}
type Response struct { Code codes.Code; Response *pb.EchoResponse }
type RequestMetadata struct { Authority string; Metadata map[string]string }
type ExpectedResponse struct { EchoRequest, EchoTwoRequest, EchoThreeRequest *pb.EchoRequest; RequestMetadata *RequestMetadata; Response Response; Backend, Namespace, TestCaseName string }
func (er *ExpectedResponse) GetTestCaseName(i int) string { return fmt.Sprint(i) }
func MakeRequestAndExpectEventuallyConsistentResponse(t *testing.T, c Client, tc config.TimeoutConfig, gwAddr string, e ExpectedResponse) { record.Rec("grpc","at",gwAddr,"case",e) }
END
cat > utils/suite/suite.go <<'END'
package suite
import ("testing";"context";"fmt"
"sigs.k8s.io/gateway-api/conformance/utils/record"
"sigs.k8s.io/gateway-api/pkg/features"
"sigs.k8s.io/gateway-api/conformance/utils/config")
type ConformanceTest struct { ShortName, Description string; Features []features.FeatureName; Manifests []string; Slow, Parallel bool; Test func(*testing.T, *ConformanceTestSuite); Provisional bool }
type ConformanceTestSuite struct { Client Cl; Clientset, RoundTripper, GRPCClient any; TimeoutConfig config.TimeoutConfig; ControllerName, GatewayClassName string }

type Cl struct{}
func (Cl) Delete(ctx context.Context, o any) error { record.Rec("delete","object",fmt.Sprintf("%T",o),"value",o); return nil }
END
cat > utils/kubernetes/kubernetes.go <<'END'
package kubernetes
import ("testing";"strings"
metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
"k8s.io/apimachinery/pkg/types"
v1 "sigs.k8s.io/gateway-api/apis/v1"
"sigs.k8s.io/gateway-api/conformance/utils/config"
"sigs.k8s.io/gateway-api/conformance/utils/record")
type T = *testing.T
type C = config.TimeoutConfig
type NN = types.NamespacedName
type GatewayRef struct { NN NN; Listeners []string }
func n(nn NN) string { return nn.Namespace+"/"+nn.Name }
func NewGatewayRef(nn NN, l ...string) GatewayRef { return GatewayRef{nn, l} }
func addr(g GatewayRef) string { p := "80"; if strings.Contains(g.NN.Name,"https") || strings.Contains(g.NN.Name,"tls") {p="443"}; if len(g.Listeners)==1 { p = g.Listeners[0] }; return g.NN.Name+":"+p }
func ns(nns []NN) []string { o := []string{}; for _, x := range nns { o = append(o, n(x)) }; return o }
func GatewayAndRoutesMustBeAccepted(t T, c any, tc C, cn string, g GatewayRef, rt any, usePort bool, nns ...NN) string {
 kind := "HTTPRoute"; if _, ok := rt.(*v1.GRPCRoute); ok { kind = "GRPCRoute" }
 record.Rec("accepted","gateway",n(g.NN),"listeners",g.Listeners,"kind",kind,"routes",ns(nns)); a := addr(g); if !usePort { a = g.NN.Name }; return a }
func GatewayAndHTTPRoutesMustBeAccepted(t T, c any, tc C, cn string, g GatewayRef, nns ...NN) string { return GatewayAndRoutesMustBeAccepted(t,c,tc,cn,g,&v1.HTTPRoute{},true,nns...) }
func HTTPRouteMustHaveResolvedRefsConditionsTrue(t T, c any, tc C, r, g NN) { HTTPRouteMustHaveCondition(t,c,tc,r,g,metav1.Condition{Type:"ResolvedRefs",Status:"True",Reason:"ResolvedRefs"}) }
func HTTPRouteMustHaveCondition(t T, c any, tc C, r, g NN, k metav1.Condition) { record.Rec("routeCondition","route",n(r),"gateway",n(g),"condition",cond(k)) }
func cond(k metav1.Condition) map[string]string { return map[string]string{"type":k.Type,"status":string(k.Status),"reason":k.Reason} }
func conds(ks []metav1.Condition) []map[string]string { o := []map[string]string{}; for _, k := range ks { o = append(o, cond(k)) }; return o }
func NamespacesMustBeReady(t T, c any, tc C, nss []string) { record.Rec("namespacesReady","namespaces",nss) }
func GatewayMustHaveLatestConditions(t T, c any, tc C, g NN) {}
func GatewayMustHaveCondition(t T, c any, tc C, g NN, k metav1.Condition) { record.Rec("gatewayCondition","gateway",n(g),"condition",cond(k)) }
func GatewayStatusMustHaveListeners(t T, c any, tc C, g NN, ls []v1.ListenerStatus) {
 o := []any{}; for _, l := range ls { kinds := []string{}; for _, k := range l.SupportedKinds { kinds = append(kinds, string(k.Kind)) }; o = append(o, map[string]any{"name":l.Name,"supportedKinds":kinds,"attachedRoutes":l.AttachedRoutes,"conditions":conds(l.Conditions)}) }
 record.Rec("listeners","gateway",n(g),"listeners",o) }
func GatewayListenerMustHaveConditions(t T, c any, tc C, g NN, l string, ks []metav1.Condition) { record.Rec("listenerConditions","gateway",n(g),"listener",l,"conditions",conds(ks)) }
func GatewayMustHaveZeroRoutes(t T, c any, tc C, g NN) { record.Rec("zeroRoutes","gateway",n(g)) }
func HTTPRouteMustHaveNoAcceptedParents(t T, c any, tc C, r NN) { record.Rec("noAcceptedParents","route",n(r)) }
func HTTPRouteMustHaveParents(t T, c any, tc C, r NN, ps []v1.RouteParentStatus, nsReq bool) {
 o := []any{}; for _, p := range ps { o = append(o, map[string]any{"parentRef":p.ParentRef,"conditions":conds(p.Conditions)}) }
 record.Rec("routeParents","route",n(r),"parents",o,"namespaceRequired",nsReq) }
func WaitForGatewayAddress(t T, c any, tc C, g GatewayRef) (string, error) { record.Rec("address","gateway",n(g.NN)); return addr(g), nil }
END
cat > tests/all_test.go <<'END'
package tests
import ("testing";"os"
"sigs.k8s.io/gateway-api/conformance/utils/record"
"sigs.k8s.io/gateway-api/conformance/utils/suite"
"k8s.io/apimachinery/pkg/types")
var ConformanceTests []suite.ConformanceTest
func GetTLSSecret(c any, n types.NamespacedName) ([]byte, []byte, error) { return nil, nil, nil }
func TestRecord(t *testing.T) {
 record.Out, _ = os.Create("../out.jsonl")
 for _, c := range ConformanceTests {
  record.Rec("test","name",c.ShortName,"features",c.Features,"manifests",c.Manifests)
  t.Run(c.ShortName, func(t *testing.T) { c.Test(t, &suite.ConformanceTestSuite{}) })
 }
}
END
{ cat <<'END'
package http
import ("fmt";"testing"
"sigs.k8s.io/gateway-api/conformance/utils/config"
"sigs.k8s.io/gateway-api/conformance/utils/roundtripper"
"sigs.k8s.io/gateway-api/conformance/utils/record")
func (er *ExpectedResponse) GetTestCaseName(i int) string { return fmt.Sprint(i) }
func MakeRequestAndExpectEventuallyConsistentResponse(t *testing.T, r roundtripper.RoundTripper, tc config.TimeoutConfig, gwAddr string, e ExpectedResponse) { record.Rec("request","at",gwAddr,"case",e) }
func MakeRequestAndExpectFailure(t *testing.T, r roundtripper.RoundTripper, tc config.TimeoutConfig, gwAddr string, e ExpectedResponse) { record.Rec("failure","at",gwAddr,"case",e) }
func ExpectMirroredRequest(t *testing.T, c any, cs any, m []MirroredBackend, path string, tc config.TimeoutConfig) { record.Rec("mirrored","to",m,"path",path) }
END
sed -n '/^type ExpectedResponse/,/^\/\/ MakeRequestAndExpectEventually/p' "$suite/utils/http/http.go" | sed '$d'; } > utils/http/http.go
GOFLAGS=-mod=mod go mod tidy >&2
GOFLAGS=-mod=mod go test ./tests >&2
python3 - <<'END'
import json
def low(s): return s[0].lower()+s[1:] if not s.isupper() else s.lower()
KEEP={'Headers','ValidHeaderValues','BackendSetResponseHeaders'}
STAY={'ExpectedRequest','RedirectRequest','supportedKinds'}
def clean(o,keep=False):
    if isinstance(o,dict):
        r={}
        for k,v in o.items():
            v2=clean(v,k in KEEP)
            if v2 in (None,'',False): continue
            if v2 in ({},[]) and k not in STAY: continue
            r[k if keep else low(k)]=v2
        return r
    if isinstance(o,list): return [clean(x) for x in o]
    return o
for l in open('out.jsonl'):
    o=json.loads(l)
    if o['op']=='test':
        o={'op':'test','name':o['name'],'manifests':[m.replace('tests/','') for m in o['manifests']]}
    elif o['op']=='delete':
        o={'op':'delete','kind':'ReferenceGrant','object':o['value']['metadata']['namespace']+'/'+o['value']['metadata']['name']}
    elif o['op']=='grpc':
        c=o['case']
        m=[k for k in('EchoRequest','EchoTwoRequest','EchoThreeRequest') if c.get(k) is not None][0][:-7]
        rm=c.get('RequestMetadata') or {}
        o=clean({'op':'grpc','at':o['at'],'method':m,'authority':rm.get('Authority'),'metadata':rm.get('Metadata'),'code':c['Response']['Code'],'backend':c['Backend'],'namespace':c['Namespace']})
    elif o['op']=='request':
        c=o['case']; c.pop('TestCaseName'); c.pop('MirroredTo')
        r=c['Response']; codes=(r.pop('StatusCodes') or [])+([r['StatusCode']] if r['StatusCode'] else []); r.pop('StatusCode')
        r['Statuses']=codes or [200]
        o=clean(o)
    else: o=clean(o)
    first={'op':o.pop('op')}; first.update(o); print(json.dumps(first))
END
