//! Messages: a head and a body.

use http::{Extensions, Method, StatusCode, Uri, Version};

use super::Headers;

/// A request. Its methods are those of [`http::Request`], which has its fields in a map.
#[derive(Debug, Default)]
pub struct Request<B> {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) version: Version,
    pub(crate) headers: Headers,
    pub(crate) extensions: Extensions,
    pub(crate) body: B,
}

/// A response. Its methods are those of [`http::Response`], which has its fields in a map.
#[derive(Debug, Default)]
pub struct Response<B> {
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    pub(crate) headers: Headers,
    pub(crate) body: B,
}

/// What both kinds of messages have.
macro_rules! message {
    ($kind:ident) => {
        impl<B> $kind<B> {
            /// The version in which it came.
            pub fn version(&self) -> Version {
                self.version
            }

            /// The fields.
            pub fn headers(&self) -> &Headers {
                &self.headers
            }

            /// The fields, to be changed.
            pub fn headers_mut(&mut self) -> &mut Headers {
                &mut self.headers
            }

            /// The body.
            pub fn body(&self) -> &B {
                &self.body
            }

            /// The body, to be read.
            pub fn body_mut(&mut self) -> &mut B {
                &mut self.body
            }

            /// The body alone.
            pub fn into_body(self) -> B {
                self.body
            }
        }
    };
}

message!(Request);
message!(Response);

impl<B> Request<B> {
    /// `GET /` without fields.
    pub fn new(body: B) -> Self {
        let (method, uri, version) = Default::default();
        Self { method, uri, version, headers: Headers::new(), extensions: Extensions::new(), body }
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The target.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The same with another body.
    pub fn map<C>(self, body: impl FnOnce(B) -> C) -> Request<C> {
        let Self { method, uri, version, headers, extensions, body: old } = self;
        Request { method, uri, version, headers, extensions, body: body(old) }
    }

    /// The head and the body.
    pub fn into_parts(self) -> (Request<()>, B) {
        let Self { method, uri, version, headers, extensions, body } = self;
        (Request { method, uri, version, headers, extensions, body: () }, body)
    }
}

impl<B> Response<B> {
    /// 200 without fields.
    pub fn new(body: B) -> Self {
        Self { status: StatusCode::OK, version: Version::HTTP_11, headers: Headers::new(), body }
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The status, to be changed.
    pub fn status_mut(&mut self) -> &mut StatusCode {
        &mut self.status
    }

    /// The same with another body.
    pub fn map<C>(self, body: impl FnOnce(B) -> C) -> Response<C> {
        let Self { status, version, headers, body: old } = self;
        Response { status, version, headers, body: body(old) }
    }

    /// The head and the body.
    pub fn into_parts(self) -> (Response<()>, B) {
        let Self { status, version, headers, body } = self;
        (Response { status, version, headers, body: () }, body)
    }
}

impl<B> From<http::Request<B>> for Request<B> {
    fn from(request: http::Request<B>) -> Self {
        let (head, body) = request.into_parts();
        let http::request::Parts { method, uri, version, headers, extensions, .. } = head;
        Self { method, uri, version, headers: headers.into(), extensions, body }
    }
}

impl<B> From<http::Response<B>> for Response<B> {
    fn from(response: http::Response<B>) -> Self {
        let (head, body) = response.into_parts();
        Self { status: head.status, version: head.version, headers: head.headers.into(), body }
    }
}
