//! Filters: a file for each, compiled when applied, run as plain functions over message heads.
//!
//! A rule's list of filters is sorted into the stages that run them (`request/stages.rs` has the order of stages);
//! within a stage they run in the order in which the route gives them.

pub(crate) mod cors;
pub(crate) mod direct_response;
pub(crate) mod headers;
pub(crate) mod mirror;
pub(crate) mod path;
pub(crate) mod redirect;
pub(crate) mod rewrite;

use nantian_ir::Filter;

use cors::Cors;
use direct_response::DirectResponse;
use headers::HeaderEdits;
use mirror::Mirror;
use redirect::Redirect;
use rewrite::Rewrite;

/// The filters of one rule, or of one target of a rule, by stage. Thousands of rules have one, and each of their targets: what
/// few of them have is in boxes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filters {
    /// Answers preflights, marks answers.
    pub(crate) cors: Option<Box<Cors>>,
    /// Answers instead of a backend.
    pub(crate) answer: Option<Box<Answer>>,
    /// Changes to the request, in order.
    pub(crate) request: Vec<RequestEdit>,
    /// Copies of the request.
    pub(crate) mirrors: Vec<Mirror>,
    /// Changes to the answer, in order.
    pub(crate) response: Vec<HeaderEdits>,
}

/// A filter that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Redirect(Redirect),
    Direct(DirectResponse),
}

/// A filter that changes the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RequestEdit {
    Headers(HeaderEdits),
    Rewrite(Rewrite),
}

impl Filters {
    /// Compiles `filters`; what cannot be done is left out and told to `refuse`.
    pub(crate) fn compile(filters: &[Filter], refuse: &mut dyn FnMut(String)) -> Self {
        let mut compiled = Self::default();
        for filter in filters {
            match filter {
                Filter::RequestHeaderModifier(modifier) => {
                    compiled.request.push(RequestEdit::Headers(HeaderEdits::compile(modifier, refuse)));
                }
                Filter::ResponseHeaderModifier(modifier) => {
                    compiled.response.push(HeaderEdits::compile(modifier, refuse));
                }
                Filter::UrlRewrite(rewrite) => {
                    compiled.request.push(RequestEdit::Rewrite(Rewrite::compile(rewrite)));
                }
                Filter::RequestMirror(mirror) => compiled.mirrors.push(Mirror::compile(mirror)),
                Filter::Cors(cors) if compiled.cors.is_none() => compiled.cors = Some(Box::new(Cors::compile(cors))),
                Filter::Cors(_) => refuse("a second CORS filter is left out: a rule has at most one".into()),
                Filter::RequestRedirect(_) | Filter::DirectResponse(_) if compiled.answer.is_some() => {
                    refuse("a second filter that answers is left out: the first one always answers".into());
                }
                Filter::RequestRedirect(redirect) => {
                    compiled.answer = Some(Box::new(Answer::Redirect(Redirect::compile(redirect))));
                }
                Filter::DirectResponse(direct) => {
                    compiled.answer = Some(Box::new(Answer::Direct(DirectResponse::compile(direct, refuse))));
                }
            }
        }
        compiled.request.shrink_to_fit();
        compiled.mirrors.shrink_to_fit();
        compiled.response.shrink_to_fit();
        compiled
    }
}
