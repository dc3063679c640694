//! Answers (RFC 9113 section 8.3.2).

use http::{Method, StatusCode, Version};

use super::fields::Fields;
use super::{Arrived, Unfit, malformed};
use crate::http::Response;
use crate::http::content::is_bodyless;

impl Fields {
    /// The answer, final or not, to a request with `method`.
    pub(crate) fn into_response(mut self, method: &Method) -> Result<Arrived<Response<()>>, &'static str> {
        self.response(method).map_err(|unfit| match unfit {
            Unfit::Malformed(what) => what,
            Unfit::Refused(refusal) => refusal.reason,
        })
    }

    fn response(&mut self, method: &Method) -> Result<Arrived<Response<()>>, Unfit> {
        self.check()?;
        let pseudo = std::mem::take(&mut self.pseudo);
        let of_request = [&pseudo.method, &pseudo.scheme, &pseudo.authority, &pseudo.path, &pseudo.protocol];
        if of_request.iter().any(|field| field.is_some()) {
            return Err(malformed("a pseudo-header field of requests in an answer"));
        }
        let status = pseudo.status.ok_or(malformed("no :status"))?;
        // RFC 9110 section 15: values outside 100 to 599 are invalid.
        let status = StatusCode::from_bytes(status.as_bytes()).ok().filter(|status| status.as_u16() < 600);
        let status = status.ok_or(malformed("the status is none"))?;
        // RFC 9113 section 8.6.
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(malformed("status 101, which HTTP/2 does not have"));
        }
        let length = self.content_length()?;
        // RFC 9110 section 8.6: what these would have been says nothing of what they have.
        let bodyless = *method == Method::HEAD || is_bodyless(status);
        let headers = std::mem::take(&mut self.headers);
        let response = Response { status, version: Version::HTTP_2, headers, body: () };
        Ok(Arrived { head: response, length: length.filter(|_| !bodyless), size: self.size })
    }
}
