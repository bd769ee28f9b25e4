//! Who may ask: only a page that knows the token, under a name of this machine. And what every answer says to the browser.

use super::address::Token;
use super::errors::Refusal;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::uri::PathAndQuery;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Router, http::HeaderMap};
use tower::ServiceExt;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Bytes of a message that is taken over.
const LONGEST_WORDS: usize = 4096;

/// What `routes`, whose paths begin after the token, answer to those who may ask.
pub fn guarded(token: Token, routes: Router) -> Router {
    Router::new().fallback(move |request: Request| {
        let (token, routes) = (token.clone(), routes.clone());
        async move {
            let answered = answer(&token, routes, request).await.unwrap_or_else(IntoResponse::into_response);
            let mut response = in_json(answered).await;
            for (name, value) in HEADERS {
                response.headers_mut().insert(name, HeaderValue::from_static(value));
            }
            response
        }
    })
}

async fn answer(token: &Token, routes: Router, mut request: Request) -> Result<Response, Refusal> {
    check_host(request.uri(), request.headers())?;
    let path = request.uri().path();
    let (given, rest) =
        path.get(1..).and_then(|path| path.split_once('/')).unwrap_or((path.get(1..).unwrap_or(""), ""));
    if !token.is(given) {
        return Err(Refusal::forbidden("the address lacks this server's token; use the one that the program printed"));
    }
    if path.len() == given.len() + 1 {
        return Ok((StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, token.path())]).into_response());
    }
    let inner = match request.uri().query() {
        Some(query) => format!("/{rest}?{query}"),
        None => format!("/{rest}"),
    };
    let inner: PathAndQuery = inner.parse().map_err(|_| Refusal::not_found("there is no such path"))?;
    *request.uri_mut() = Uri::from(inner);
    match routes.oneshot(request).await {
        Ok(response) => Ok(response),
        Err(never) => match never {},
    }
}

/// What is wrong with a path or a query is told in words by what reads them; here it gets the form of all errors.
async fn in_json(response: Response) -> Response {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let json = HeaderValue::from_static("application/json");
    if !is_error || response.headers().get(header::CONTENT_TYPE) == Some(&json) {
        return response;
    }
    let words = to_bytes(response.into_body(), LONGEST_WORDS).await.unwrap_or_default();
    Refusal::argument(String::from_utf8_lossy(&words)).into_response()
}

/// A page of elsewhere that had its name lead to this machine (DNS rebinding) has that name as host; one that sends requests
/// across has another origin.
fn check_host(uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let host = text(header::HOST).filter(|host| is_this_machine(host));
    let host = host.filter(|_| uri.authority().is_none_or(|authority| is_this_machine(authority.as_str())));
    let Some(host) = host else {
        return Err(Refusal::forbidden("the host must be 127.0.0.1, localhost or [::1], with any port"));
    };
    let has_other_origin = headers.get_all(header::ORIGIN).iter().any(|origin| {
        origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://")).is_none_or(|origin| origin != host)
    });
    if has_other_origin {
        return Err(Refusal::forbidden(format!("the request comes from another page than that of http://{host}")));
    }
    Ok(())
}

fn is_this_machine(host: &str) -> bool {
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|name| {
        host.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name))
            && match &host[name.len()..] {
                "" => true,
                port => port.strip_prefix(':').is_some_and(|port| {
                    port.bytes().all(|digit| digit.is_ascii_digit()) && port.parse::<u16>().is_ok()
                }),
            }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_this_machine() {
        for host in ["127.0.0.1", "127.0.0.1:8080", "localhost:1", "LocalHost", "[::1]:65535"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in [
            "",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "evil.example",
            "127.0.0.1:",
            "127.0.0.2",
            "localhost:99999",
            "127.0.0.1:80@evil.example",
            "::1",
            "localhost:+1",
        ] {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}
