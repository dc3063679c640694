//! Answers of a route's own (`nantian.dev` DirectResponse).

use http::{HeaderName, HeaderValue, Method, StatusCode, header};

use crate::http::{Body, Response};

/// A direct response, ready to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DirectResponse {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: bytes::Bytes,
}

impl DirectResponse {
    /// Compiles `direct`; what cannot be sent is left out and told to `refuse`.
    pub(crate) fn compile(direct: &nantian_ir::DirectResponse, refuse: &mut dyn FnMut(String)) -> Self {
        let status = StatusCode::from_u16(direct.status).ok().filter(|status| !status.is_informational());
        let status = status.unwrap_or_else(|| {
            refuse(format!("status {} cannot be answered, 500 is: use 200 to 599", direct.status));
            StatusCode::INTERNAL_SERVER_ERROR
        });
        let mut headers = Vec::with_capacity(direct.headers.len());
        for given in &direct.headers {
            match (
                HeaderName::from_bytes(given.name.as_str().as_bytes()),
                HeaderValue::from_bytes(given.value.as_bytes()),
            ) {
                (Ok(name), Ok(value)) if !crate::filter::headers::belongs_to_connection(&name) => {
                    headers.push((name, value));
                }
                _ => refuse(format!("the header {} is left out: it cannot be set in an answer", given.name)),
            }
        }
        Self { status, headers, body: bytes::Bytes::copy_from_slice(direct.body.as_bytes()) }
    }

    /// The answer to a request with `method`. The length is that of the body also where none is sent: to HEAD
    /// (RFC 9110 section 9.3.2); 204 and 304 have neither (section 15.3.5, 15.4.5).
    pub(crate) fn answer(&self, method: &Method) -> Response<Body> {
        let bodiless = matches!(self.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let body = if bodiless || method == Method::HEAD { Body::empty() } else { Body::full(self.body.clone()) };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        for (name, value) in &self.headers {
            response.headers_mut().append(name.clone(), value.clone());
        }
        if !bodiless {
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(self.body.len()));
            if !self.body.is_empty() && !response.headers().contains_key(header::CONTENT_TYPE) {
                let text = HeaderValue::from_static("text/plain; charset=utf-8");
                response.headers_mut().insert(header::CONTENT_TYPE, text);
            }
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;

    use super::*;

    fn direct(status: u16, body: &str) -> nantian_ir::DirectResponse {
        nantian_ir::DirectResponse { status, headers: Vec::new(), body: body.to_owned() }
    }

    fn compile(direct: &nantian_ir::DirectResponse) -> (DirectResponse, usize) {
        let mut refused = 0;
        let compiled = DirectResponse::compile(direct, &mut |_| refused += 1);
        (compiled, refused)
    }

    #[test]
    fn the_body_is_sent_with_its_length_and_type() {
        let answer = compile(&direct(418, "teapot")).0.answer(&Method::GET);
        assert_eq!(answer.status(), 418);
        assert_eq!(answer.headers()["content-length"], "6");
        assert_eq!(answer.headers()["content-type"], "text/plain; charset=utf-8");
        assert_eq!(answer.body().size_hint().exact(), Some(6));
    }

    /// RFC 9110 section 9.3.2.
    #[test]
    fn head_has_the_length_but_no_body() {
        let answer = compile(&direct(200, "teapot")).0.answer(&Method::HEAD);
        assert_eq!(answer.headers()["content-length"], "6");
        assert!(answer.body().is_end_stream());
    }

    #[test]
    fn no_content_has_neither_length_nor_body() {
        let answer = compile(&direct(204, "lost")).0.answer(&Method::GET);
        assert!(!answer.headers().contains_key("content-length"));
        assert!(answer.body().is_end_stream());
    }

    #[test]
    fn headers_are_sent_except_those_of_the_connection() {
        let mut direct = direct(200, "{}");
        for (name, value) in [("content-type", "application/json"), ("set-cookie", "a=1"), ("connection", "close")] {
            direct.headers.push(nantian_ir::HeaderValue {
                name: nantian_ir::HeaderName::new(name).unwrap(),
                value: value.into(),
            });
        }
        let (compiled, refused) = compile(&direct);
        assert_eq!(refused, 1);
        let answer = compiled.answer(&Method::GET);
        assert_eq!(answer.headers()["content-type"], "application/json");
        assert_eq!(answer.headers()["set-cookie"], "a=1");
        assert!(!answer.headers().contains_key("connection"));
    }

    #[test]
    fn an_interim_status_is_refused() {
        let (compiled, refused) = compile(&direct(100, ""));
        assert_eq!((compiled.answer(&Method::GET).status().as_u16(), refused), (500, 1));
    }
}
