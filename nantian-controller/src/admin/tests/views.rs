//! What the views tell.

use serde_json::{Value, json};

use super::plane::{Plane, VERSION};

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_summary_counts_what_is_served_and_warns() {
    let plane = Plane::ready().await;
    let summary = plane.get("/v1/summary").await.json();
    for (name, expected) in [
        ("snapshotVersion", json!(VERSION)),
        ("generatedAt", json!("1970-01-01T00:00:01.500Z")),
        ("buildDurationSeconds", json!(0.25)),
        ("leader", json!(true)),
        ("gatewayCount", json!(2)),
        ("httpRouteCount", json!(2)),
        ("grpcRouteCount", json!(1)),
        ("streamRouteCount", json!(2)),
        ("ruleCount", json!(6)),
        ("secretCount", json!(1)),
        ("caBundleCount", json!(1)),
        ("aiServiceCount", json!(1)),
        ("nodeCount", json!(4)),
        ("connectedNodeCount", json!(3)),
        ("readyNodeCount", json!(3)),
        ("driftedNodeCount", json!(2)),
    ] {
        assert_eq!(summary[name], expected, "{name}: {summary}");
    }
    let warnings = summary["warnings"].as_array().unwrap();
    assert_eq!(summary["warningCount"], warnings.len());
    let severities: Vec<&str> = warnings.iter().map(|warning| warning["severity"].as_str().unwrap()).collect();
    assert!(severities.is_sorted() && severities.contains(&"error") && severities.contains(&"warning"), "{warnings:?}");
    let missing = warnings.iter().find(|warning| warning["code"] == "backend-not-found").unwrap();
    assert_eq!(missing["object"], "HTTPRoute/shop/cart");
    assert_eq!(missing["field"], "spec.rules[1].backendRefs[1]");
}

#[tokio::test]
async fn a_listener_tells_whether_it_is_served_and_why_not() {
    let plane = Plane::ready().await;
    let https = plane.get("/v1/listeners/shop%2Fweb%2Fhttps").await.json();
    assert_eq!(https["served"], true);
    assert_eq!((&https["protocol"], &https["port"], &https["bind"]), (&json!("HTTPS"), &json!(443), &json!("*:443")));
    assert_eq!(https["tls"], json!({"mode": "Terminate", "certificates": [{"namespace": "shop", "name": "cert"}]}));
    assert_eq!(https["gateway"], json!({"namespace": "shop", "name": "web"}));
    assert_eq!((&https["attachedRoutes"], &https["ruleCount"]), (&json!(1), &json!(2)));

    let broken = plane.get("/v1/listeners/broken").await.json();
    assert_eq!(broken["served"], false, "{broken}");
    let conditions = broken["conditions"].as_array().unwrap();
    let resolved = conditions.iter().find(|condition| condition["type"] == "ResolvedRefs").unwrap();
    assert_eq!((&resolved["status"], &resolved["reason"]), (&json!("False"), &json!("InvalidCertificateRef")));

    let passed = plane.get("/v1/listeners/pass").await.json();
    assert_eq!(passed["tls"], json!({"mode": "Passthrough", "certificates": []}));

    let of_set = plane.get("/v1/listeners/shop%2Fweb%2Fteam%2Fmore%2Fhttp").await.json();
    assert_eq!(of_set["namespace"], "team");
    assert_eq!(of_set["listenerSet"], json!({"namespace": "team", "name": "more"}));
    assert_eq!(of_set["gateway"], json!({"namespace": "shop", "name": "web"}));
}

#[tokio::test]
async fn a_name_that_several_listeners_have_is_not_guessed_at() {
    let plane = Plane::ready().await;
    let told = plane.get("/v1/listeners/http").await;
    assert_eq!(told.status, 409);
    assert!(told.json()["detail"].as_str().unwrap().starts_with("3 listeners have the name http"), "{}", told.body);
}

#[tokio::test]
async fn a_route_tells_its_rules_hosts_and_parents() {
    let plane = Plane::ready().await;
    let cart = plane.get("/v1/routes/httproute/shop/cart").await.json();
    assert_eq!((&cart["kind"], &cart["ruleCount"], &cart["accepted"]), (&json!("HTTPRoute"), &json!(2), &json!(true)));
    assert_eq!(names(&cart["hostnames"]), ["shop.example.com"]);
    assert_eq!(names(&cart["listeners"]), ["shop/web/http", "shop/web/https"]);
    assert_eq!(cart["parents"][1]["parentRef"]["sectionName"], "https");
    assert_eq!(cart["rules"].as_array().map(Vec::len), Some(2));
    assert_eq!(cart["rules"][0]["key"], json!({"kind": "HTTPRoute", "namespace": "shop", "name": "cart", "rule": 0}));
    let stream = plane.get("/v1/routes/TLSRoute/shop/db").await.json();
    assert_eq!(stream["rules"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_backend_tells_its_ports_endpoints_and_who_sends_to_it() {
    let plane = Plane::ready().await;
    let app = plane.get("/v1/backends/shop/app").await.json();
    let ports: Vec<(&Value, &Value)> =
        app["ports"].as_array().unwrap().iter().map(|port| (&port["port"], &port["protocol"])).collect();
    assert_eq!(ports, [(&json!(80), &json!("http1")), (&json!(81), &json!("h2c")), (&json!(81), &json!("tcp"))]);
    assert_eq!(names(&app["ports"][0]["endpoints"]), ["10.0.0.1:8080", "10.0.0.2:8080"]);
    assert_eq!((&app["ports"][0]["tls"], &app["ports"][0]["serverName"]), (&json!("Verify"), &json!("app.internal")));
    let routes = ["HTTPRoute/shop/cart", "GRPCRoute/shop/api", "TLSRoute/shop/db", "TCPRoute/shop/db"];
    assert_eq!(names(&app["routes"]), routes);
    let mirror = plane.get("/v1/backends/shop/mirror").await.json();
    assert_eq!(names(&mirror["routes"]), ["HTTPRoute/shop/cart"]);
}

#[tokio::test]
async fn data_planes_are_current_behind_refusing_or_gone() {
    let plane = Plane::ready().await;
    let sync = plane.get("/v1/snapshot-sync").await.json();
    for name in ["currentNodeCount", "behindNodeCount", "refusingNodeCount", "disconnectedNodeCount"] {
        assert_eq!(sync[name], 1, "{name}: {sync}");
    }
    let refusing = plane.get("/v1/nodes/refusing").await.json();
    assert_eq!(refusing["state"], "refusing");
    assert_eq!(refusing["lastNack"]["resource"], "Listener shop/web/http");
    assert_eq!(refusing["lastNack"]["message"], "port 80 may not be bound");
    let planes = plane.get("/v1/dataplanes").await.json();
    assert_eq!(planes[0]["name"], "cluster-a");
    assert_eq!(names(&planes[0]["versions"]), ["v1", VERSION]);
    assert_eq!(planes[0]["driftedNodeCount"], 2);
}

#[tokio::test]
async fn the_graph_leads_from_each_gateway_to_its_backends() {
    let plane = Plane::ready().await;
    let topology = plane.get("/v1/topology").await.json();
    let edges = topology["edges"].as_array().unwrap();
    for (from, to) in [
        ("Gateway/shop/web", "Listener/shop/web/http"),
        ("Listener/shop/web/http", "HTTPRoute/shop/cart"),
        ("HTTPRoute/shop/cart", "Service/shop/app"),
        ("HTTPRoute/shop/cart", "Service/shop/mirror"),
        ("Gateway/shop/web", "Listener/shop/web/team/more/http"),
    ] {
        assert!(edges.contains(&json!({"from": from, "to": to})), "{from} -> {to}: {topology}");
    }
    let vertices: Vec<&str> =
        topology["vertices"].as_array().unwrap().iter().map(|vertex| vertex["id"].as_str().unwrap()).collect();
    let ends = edges.iter().flat_map(|edge| [edge["from"].as_str().unwrap(), edge["to"].as_str().unwrap()]);
    for end in ends {
        assert!(vertices.contains(&end), "{end} is no vertex");
    }
}

#[tokio::test]
async fn namespaces_gateways_policies_and_ai_services_are_told() {
    let plane = Plane::ready().await;
    assert_eq!(plane.get("/v1/namespaces").await.each("/name"), ["nantian-dr-test", "shop", "team"]);
    let shop = plane.get("/v1/namespaces?name=shop").await.json();
    assert_eq!(
        (&shop[0]["gatewayCount"], &shop[0]["routeCount"], &shop[0]["listenerCount"]),
        (&json!(1), &json!(5), &json!(5))
    );
    assert_eq!(plane.get("/v1/gateways").await.each("/namespace"), ["nantian-dr-test", "shop"]);
    let policies = plane.get("/v1/policies?sort=kind").await;
    assert_eq!(policies.each("/kind"), ["BackendTLSPolicy", "SecurityPolicy", "TokenPolicy"]);
    assert_eq!(plane.get("/v1/ai/services").await.each("/name"), ["chat"]);
    let overview = plane.get("/v1/ai/overview").await.json();
    assert_eq!(
        (&overview["serviceCount"], &overview["tokenPolicyCount"], &overview["tokenCount"]),
        (&json!(1), &json!(1), &json!(0))
    );
}

#[tokio::test]
async fn an_ai_service_tells_what_it_is_told_to_do_and_no_key() {
    let plane = Plane::ready().await;
    let services = plane.get("/v1/ai/services?sort=provider").await.json();
    let chat = &services[0];
    assert_eq!((&chat["provider"], &chat["endpoint"]), (&json!("anthropic"), &json!("Service/shop/app:80")));
    assert_eq!(names(&chat["fields"]), ["auth", "cost", "endpoint", "provider", "tenants"]);
    assert_eq!((names(&chat["tenants"]), names(&chat["pricedModels"])), (vec!["t"], vec!["claude"]));
    assert!(chat.get("auth").is_none());
}

#[tokio::test]
async fn the_snapshot_can_be_read_back_without_its_keys() {
    let plane = Plane::ready().await;
    let told = plane.get("/v1/snapshot").await;
    assert_eq!(told.json()["version"], VERSION);
    let snapshot: nantian_ir::Snapshot = serde_json::from_str(&told.body).unwrap();
    assert!(!snapshot.rules.is_empty());
    assert!(snapshot.certificates.values().all(|certificate| certificate.private_key.expose().is_empty()));
}
