//! Routes in the words of each proxy: one that takes everything, or many that lie on one host or on many.

use std::fmt::Write;

use crate::streams::ECHO;

/// How many routes there are, and what tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Routes {
    /// One, for every host and path.
    One,
    /// So many on one host: `/r0/`, `/r1/` and so on.
    Paths(u32),
    /// The same, but that each path but the last one differs from all before: `/r0-1/`, `/r1-1/` and so on.
    Replaced(u32, u32),
    /// So many hosts with a route each: `h0.example`, `h1.example` and so on.
    Hosts(u32),
}

impl Routes {
    /// For reports and names of files.
    pub(crate) fn name(self) -> String {
        match self {
            Self::One => "one".to_owned(),
            Self::Paths(count) => format!("{count} paths"),
            Self::Replaced(count, generation) => format!("{count} paths again {generation}"),
            Self::Hosts(count) => format!("{count} hosts"),
        }
    }

    /// Path and host of a request that the last of the routes takes.
    pub(crate) fn last(self) -> (String, Option<String>) {
        match self {
            Self::One => ("/1k".to_owned(), None),
            Self::Paths(count) | Self::Replaced(count, _) => (format!("/r{}/1k", count.saturating_sub(1)), None),
            Self::Hosts(count) => ("/1k".to_owned(), Some(host(count.saturating_sub(1)))),
        }
    }

    /// Path of a request that the first of the routes on one host takes.
    pub(crate) fn first(self) -> String {
        let mut first = None;
        self.each(|_, _, path| first = first.take().or_else(|| Some(format!("{path}1k"))));
        first.unwrap_or_default()
    }

    /// Kubernetes objects.
    pub(crate) fn nantian(self) -> String {
        let mut text = String::new();
        self.each(|name, host, path| {
            let hostnames = host.map(|host| format!("\n  hostnames: [{host}]")).unwrap_or_default();
            let _infallible = write!(
                text,
                "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: {name}, namespace: \
                 bench}}\nspec:\n  parentRefs: [{{name: web, sectionName: http}}, {{name: web, sectionName: https}}]\
                 {hostnames}\n  rules:\n    - matches: [{{path: {{value: {path}}}}}]\n      backendRefs: [{{name: one, \
                 port: 80}}]\n"
            );
        });
        text
    }

    /// Server blocks; `head` is what each begins with.
    pub(crate) fn nginx(self, head: &str) -> String {
        const PASS: &str = "proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection \"\";";
        let mut text = String::new();
        if !matches!(self, Self::Hosts(_)) {
            let _infallible = writeln!(text, "server {{\n{head}");
        }
        // Options of a socket may be given once.
        let mut head = head.to_owned();
        if self == Self::One {
            // https://nginx.org/en/docs/http/websocket.html
            let upgrade = PASS.replace("Connection \"\"", "Upgrade $http_upgrade; proxy_set_header Connection upgrade");
            let _infallible = writeln!(text, "location = {ECHO} {{ {upgrade} }}");
        }
        self.each(|_, host, path| {
            let location = format!("location {path} {{ {PASS} }}");
            let _infallible = match host {
                Some(host) => writeln!(text, "server {{\n{head}\nserver_name {host};\n{location}\n}}"),
                None => writeln!(text, "{location}"),
            };
            head = head.replace(" backlog=4096", "");
        });
        if !matches!(self, Self::Hosts(_)) {
            text.push_str("}\n");
        }
        text
    }

    /// The line that chooses a backend, and the map that it reads.
    pub(crate) fn haproxy(self, map: &str) -> (String, String) {
        let line = match self {
            Self::One => "default_backend one".to_owned(),
            Self::Paths(_) | Self::Replaced(..) => format!("use_backend %[path,map_beg({map})]"),
            Self::Hosts(_) => format!("use_backend %[req.hdr(host),field(1,:),lower,map_str({map})]"),
        };
        let mut entries = String::new();
        self.each(|_, host, path| {
            let _infallible = writeln!(entries, "{} one", host.unwrap_or(path));
        });
        (line, entries)
    }

    /// Virtual hosts, in lines of flow style.
    pub(crate) fn envoy(self) -> String {
        const INDENT: &str = "                    ";
        let mut text = String::new();
        if !matches!(self, Self::Hosts(_)) {
            let _infallible = writeln!(text, "{INDENT}- name: all\n{INDENT}  domains: [\"*\"]\n{INDENT}  routes:");
        }
        self.each(|name, host, path| {
            let route = format!("{{match: {{prefix: {path}}}, route: {{cluster: one}}}}");
            let _infallible = match host {
                Some(host) => writeln!(text, "{INDENT}- {{name: {name}, domains: [{host}], routes: [{route}]}}"),
                None => writeln!(text, "{INDENT}    - {route}"),
            };
        });
        text
    }

    fn each(self, mut take: impl FnMut(&str, Option<&str>, &str)) {
        match self {
            Self::One => take("one", None, "/"),
            Self::Paths(count) => (0..count).for_each(|index| take(&format!("r{index}"), None, &format!("/r{index}/"))),
            Self::Replaced(count, generation) => {
                let last = count.saturating_sub(1);
                (0..last).for_each(|index| take(&format!("r{index}"), None, &format!("/r{index}-{generation}/")));
                take(&format!("r{last}"), None, &format!("/r{last}/"));
            }
            Self::Hosts(count) => (0..count).for_each(|index| take(&format!("r{index}"), Some(&host(index)), "/")),
        }
    }
}

fn host(index: u32) -> String {
    format!("h{index}.example")
}

#[cfg(test)]
mod tests {
    use super::Routes;

    #[test]
    fn every_proxy_gets_as_many_routes() {
        for (routes, mark) in [(Routes::Paths(3), "/r2/"), (Routes::Hosts(3), "h2.example")] {
            assert_eq!(routes.nantian().matches("kind: HTTPRoute").count(), 3);
            assert_eq!(routes.nginx("").matches("proxy_pass").count(), 3);
            assert_eq!(routes.haproxy("map").1.lines().count(), 3);
            assert_eq!(routes.envoy().matches("cluster: one").count(), 3);
            for text in [routes.nantian(), routes.nginx(""), routes.haproxy("map").1, routes.envoy()] {
                assert!(text.contains(mark), "{text}");
            }
        }
    }

    #[test]
    fn a_request_can_be_made_for_the_last_route() {
        assert_eq!(Routes::Paths(10).last(), ("/r9/1k".to_owned(), None));
        assert_eq!(Routes::Hosts(10).last(), ("/1k".to_owned(), Some("h9.example".to_owned())));
    }
}
