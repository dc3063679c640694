//! Lists: which elements, in which order, how many.

use super::plane::Plane;

#[tokio::test]
async fn the_listeners_of_a_copied_namespace_are_told() {
    let plane = Plane::ready().await;
    let told = plane.get("/v1/listeners").await;
    let json = told.json();
    let of_drill = json.as_array().unwrap().iter().filter(|listener| listener["namespace"] == "nantian-dr-test");
    let names: Vec<_> = of_drill.map(|listener| listener["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["http"]);
    assert_eq!(plane.get("/v1/listeners?namespace=nantian-dr-test").await.each("/name"), ["http"]);
}

#[tokio::test]
async fn pages_are_cut_after_sorting_and_the_total_is_that_of_all_pages() {
    let plane = Plane::ready().await;
    let all = plane.get("/v1/listeners?sort=port").await;
    let ports = all.each("/port");
    assert_eq!(all.field("x-nantian-total-count"), Some(&*ports.len().to_string()));
    let page = plane.get("/v1/listeners?sort=port&limit=2&offset=1").await;
    assert_eq!(page.each("/port"), ports[1..3]);
    assert_eq!(page.field("x-nantian-total-count"), Some(&*ports.len().to_string()));
    let beyond = plane.get("/v1/listeners?offset=1000").await;
    assert_eq!((beyond.body.as_str(), beyond.status), ("[]", 200));

    let mut reversed = plane.get("/v1/listeners?sort=port&order=desc").await.each("/port");
    reversed.reverse();
    assert_eq!(reversed, ports);
}

#[tokio::test]
async fn a_host_finds_those_that_serve_it_be_it_by_a_wildcard() {
    let plane = Plane::ready().await;
    let names = async |query: &str| plane.get(&format!("/v1/listeners?{query}&sort=name")).await.each("/id");
    // The second serves every host.
    let serving = names("hostname=SHOP.example.com&protocol=http").await;
    assert_eq!(serving, ["shop/web/http"]);
    assert_eq!(names("hostname=shop.example.com&protocol=HTTPS").await, ["shop/web/https"]);
    assert_eq!(names("hostname=*.example.com").await, ["shop/web/http"]);
    assert_eq!(names("hostname=nothing.example.org&protocol=http").await, Vec::<String>::new());
    let routes = plane.get("/v1/routes?hostname=shop.example.com&protocol=http").await;
    assert_eq!(routes.each("/name"), ["cart"]);
}

#[tokio::test]
async fn names_and_namespaces_are_compared_as_a_whole() {
    let plane = Plane::ready().await;
    assert_eq!(plane.get("/v1/routes?name=db&sort=kind").await.each("/kind"), ["TCPRoute", "TLSRoute"]);
    assert_eq!(plane.get("/v1/routes?name=d").await.each("/kind"), Vec::<String>::new());
    assert_eq!(plane.get("/v1/nodes?namespace=nantian-gw&name=gone").await.each("/state"), ["disconnected"]);
    assert_eq!(plane.get("/v1/nodes?sort=state").await.each("/name"), ["current", "behind", "refusing", "gone"]);
}

#[tokio::test]
async fn parameters_that_mean_nothing_are_refused_by_name() {
    let plane = Plane::ready().await;
    for (path, word) in [
        ("/v1/listeners?limit=0", "limit"),
        ("/v1/listeners?limit=-1", "limit"),
        ("/v1/listeners?limit=2&limit=3", "limit"),
        ("/v1/listeners?offset=x", "offset"),
        ("/v1/listeners?sort=colour", "attachedRoutes"),
        ("/v1/listeners?order=up", "order"),
        ("/v1/listeners?hostname=a..b", "hostname"),
        ("/v1/listeners?colour=red", "colour"),
        ("/v1/nodes?hostname=a.example.com", "hostname"),
        ("/v1/gateways?protocol=HTTP", "protocol"),
        ("/v1/summary?limit=1", "limit"),
        ("/v1/nodes/%FF", "UTF-8"),
    ] {
        let told = plane.get(path).await;
        assert_eq!(told.status, 400, "{path}: {told:?}");
        assert!(told.json()["detail"].as_str().unwrap().contains(word), "{path}: {}", told.body);
    }
}
