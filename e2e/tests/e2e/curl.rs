//! curl.

use std::fs;
use std::process::{Command, Stdio};

/// What curl got.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// `1.1` or `2`.
    pub(crate) version: String,
    /// All heads, interim answers and trailers included, as curl wrote them.
    pub(crate) heads: String,
    pub(crate) body: Vec<u8>,
    /// Bytes that curl sent as body.
    pub(crate) uploaded: u64,
}

impl Answer {
    /// The values of a field, in any head or trailer.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let fields = self.heads.lines().filter_map(|line| line.split_once(':'));
        fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
    }

    /// The body as JSON: what the backend says that it got.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Runs curl and returns the answer; curl's own errors fail the test.
pub(crate) fn curl(arguments: &[&str]) -> Answer {
    curl_or_error(arguments).unwrap_or_else(|error| panic!("curl {}: {error}", arguments.join(" ")))
}

/// Runs curl and returns the answer, or what curl complained about.
pub(crate) fn curl_or_error(arguments: &[&str]) -> Result<Answer, String> {
    let folder = tempfile::tempdir().unwrap();
    let (heads, body) = (folder.path().join("heads"), folder.path().join("body"));
    let output = Command::new("curl")
        // `-q`: no settings of whoever runs the tests; `--noproxy`: the gateway and nothing between.
        .args(["-q", "--silent", "--show-error", "--noproxy", "*", "--max-time", "60", "--dump-header"])
        .arg(&heads)
        .arg("--output")
        .arg(&body)
        .args(["--write-out", "%{http_code} %{http_version} %{size_upload}"])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("curl runs");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let line = String::from_utf8(output.stdout).unwrap();
    let mut words = line.split(' ');
    Ok(Answer {
        status: words.next().unwrap().parse().unwrap(),
        version: words.next().unwrap().to_owned(),
        uploaded: words.next().unwrap().parse().unwrap(),
        heads: fs::read_to_string(&heads).unwrap_or_default(),
        body: fs::read(&body).unwrap_or_default(),
    })
}
