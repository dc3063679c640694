//! The request that is asked about: `[METHOD] URL [-H 'name: value']...`.

use std::borrow::Cow;

use http::{HeaderName, HeaderValue, Method, Uri};
use nantian_ir::{BindAddress, ListenerProtocol};
use nantian_proxy::Headers;
use nantian_proxy::http::normalize::{self, PathError, PathOptions};
use nantian_proxy::router::RequestParts;
use thiserror::Error;

/// Why the words after `--` are no request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub(crate) enum RequestError {
    /// No URL.
    #[error("no URL: write for example -- GET https://shop.example/cart -H 'x-user: beta'")]
    NoUrl,
    /// Not a URL.
    #[error("{0:?} is not an http or https URL: write for example http://localhost:8080/path")]
    Url(String),
    /// A path that is refused.
    #[error("{0}: such a request is answered with 400 before any route sees it")]
    Path(PathError),
    /// Not a method.
    #[error("{0:?} is not an HTTP method: write for example GET (in capitals)")]
    Method(String),
    /// Not a header.
    #[error("{0:?} is not a header: write -H 'name: value'")]
    Header(String),
    /// Something else.
    #[error("{0:?} is not understood: after the URL, only -H 'name: value' may follow")]
    Unknown(String),
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// Method.
    pub(crate) method: Method,
    /// Protocol of the listener.
    pub(crate) protocol: ListenerProtocol,
    /// Host of the URL, without port and brackets.
    pub(crate) url_host: String,
    /// Port of the URL, or the scheme's.
    pub(crate) port: u16,
    /// Path.
    pub(crate) path: String,
    /// Query, without `?`.
    pub(crate) query: Option<String>,
    /// Headers, `host` included.
    pub(crate) headers: Headers,
}

impl Request {
    /// Reads the words.
    pub(crate) fn parse(words: &[String]) -> Result<Self, RequestError> {
        let (method, rest) = match words {
            [] => return Err(RequestError::NoUrl),
            [first, rest @ ..] if !first.contains("://") => {
                let method = Method::from_bytes(first.as_bytes()).map_err(|_| RequestError::Method(first.clone()))?;
                (method, rest)
            }
            rest => (Method::GET, rest),
        };
        let [url, rest @ ..] = rest else { return Err(RequestError::NoUrl) };
        let mut request = Self::of_url(method, url)?;
        let mut words = rest.iter();
        while let Some(word) = words.next() {
            let header = match word.strip_prefix("-H").or_else(|| word.strip_prefix("--header=")) {
                Some("") => words.next().ok_or_else(|| RequestError::Header(String::new()))?,
                Some(header) => header,
                None if word == "--header" => words.next().ok_or_else(|| RequestError::Header(String::new()))?,
                None => return Err(RequestError::Unknown(word.clone())),
            };
            request.header(header)?;
        }
        Ok(request)
    }

    fn of_url(method: Method, url: &str) -> Result<Self, RequestError> {
        let wrong = || RequestError::Url(url.to_owned());
        // The fragment stays with the client.
        let sent = escaped(url.split_once('#').map_or(url, |(sent, _)| sent));
        let uri: Uri = sent.parse().map_err(|_| wrong())?;
        let (protocol, default_port) = match uri.scheme_str() {
            Some("http") => (ListenerProtocol::Http, 80),
            Some("https") => (ListenerProtocol::Https, 443),
            _ => return Err(wrong()),
        };
        // What is matched is the path as the engine spells it: dot segments, escapes and `//` are resolved before.
        let path = if uri.path().is_empty() { "/" } else { uri.path() };
        let path = normalize::path(path, PathOptions::default()).map_err(RequestError::Path)?.into_owned();
        let authority = uri.authority().ok_or_else(wrong)?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let mut headers = Headers::new();
        let field = authority.as_str().rsplit_once('@').map_or(authority.as_str(), |(_, host)| host);
        headers.insert(http::header::HOST, HeaderValue::from_str(field).map_err(|_| wrong())?);
        Ok(Self {
            method,
            protocol,
            url_host: host,
            port: authority.port_u16().unwrap_or(default_port),
            path,
            query: uri.query().map(ToOwned::to_owned),
            headers,
        })
    }

    fn header(&mut self, text: &str) -> Result<(), RequestError> {
        let wrong = || RequestError::Header(text.to_owned());
        let (name, value) = text.split_once(':').ok_or_else(wrong)?;
        let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| wrong())?;
        let value = HeaderValue::from_str(value.trim()).map_err(|_| wrong())?;
        // As curl does it: a host that is given replaces that of the URL.
        if name == http::header::HOST {
            self.headers.insert(name, value);
        } else {
            self.headers.append(name, value);
        }
        Ok(())
    }

    /// What the router sees of it on a socket.
    pub(crate) fn parts(&self, bind: BindAddress) -> RequestParts<'_> {
        RequestParts {
            bind,
            host: self.host(),
            path: &self.path,
            query: self.query.as_deref(),
            method: self.method.as_str(),
            headers: &self.headers,
        }
    }

    /// What `Host` says.
    pub(crate) fn host(&self) -> &str {
        self.headers.get(http::header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default()
    }
}

/// A URL as clients send it: what is not ASCII is percent-encoded (RFC 3987 section 3.1). The engine refuses it otherwise.
fn escaped(url: &str) -> Cow<'_, str> {
    if url.is_ascii() {
        return Cow::Borrowed(url);
    }
    let mut sent = String::with_capacity(url.len() * 2);
    for letter in url.chars() {
        if letter.is_ascii() {
            sent.push(letter);
        } else {
            let mut bytes = [0; 4];
            sent.extend(letter.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02X}")));
        }
    }
    Cow::Owned(sent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Request, RequestError> {
        Request::parse(&words.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn the_method_may_be_left_out() {
        let request = parse(&["https://shop.example/cart?a=b#c"]).expect("a request");
        assert_eq!(request.method, Method::GET);
        assert_eq!((request.host(), request.port), ("shop.example", 443));
        assert_eq!((request.path.as_str(), request.query.as_deref()), ("/cart", Some("a=b")));
    }

    #[test]
    fn the_path_is_spelt_as_the_engine_spells_it() {
        let path = |url| parse(&[url]).map(|request| request.path);
        assert_eq!(path("http://a/b/../c//d/%7e"), Ok("/c/d/~".to_owned()));
        assert_eq!(path("http://a/é"), Ok("/%C3%A9".to_owned()));
        assert_eq!(path("http://a/%0"), Err(RequestError::Path(PathError::Escape)));
    }

    #[test]
    fn headers_are_written_as_for_curl() {
        let request =
            parse(&["POST", "http://[::1]:8080", "-H", "x-user: beta", "-Hx-user:2", "--header", "Host: a.b"]);
        let request = request.expect("a request");
        assert_eq!(request.headers.get_all("x-user").count(), 2);
        assert_eq!((request.host(), request.url_host.as_str(), request.path.as_str()), ("a.b", "::1", "/"));
    }

    #[test]
    fn what_is_no_request_is_refused_with_the_word_at_fault() {
        assert_eq!(parse(&[]), Err(RequestError::NoUrl));
        assert_eq!(parse(&["GET"]), Err(RequestError::NoUrl));
        assert_eq!(parse(&["GE T", "http://a/"]), Err(RequestError::Method("GE T".into())));
        assert_eq!(parse(&["ftp://a/"]), Err(RequestError::Url("ftp://a/".into())));
        assert_eq!(parse(&["http://a/", "-H", "no colon"]), Err(RequestError::Header("no colon".into())));
        assert_eq!(parse(&["http://a/", "-H"]), Err(RequestError::Header(String::new())));
        assert_eq!(parse(&["http://a/", "-X"]), Err(RequestError::Unknown("-X".into())));
    }
}
