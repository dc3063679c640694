//! Nantian Gateway in a cluster: its images and its chart.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::images::Build;
use crate::process::{line, read, run};
use crate::state::Home;
use crate::{Cluster, ClusterError, gateway_api_crds};

/// Namespace and release.
const NAME: &str = "nantian-gw";

/// Where control planes serve data planes.
const XDS_PORT: u16 = 18080;

/// Where its images would come from, if somebody asked for them.
const REGISTRY: &str = "nantian.local";

/// A program that runs in Pods of its own.
struct Plane {
    program: &'static str,
    /// Below `images`.
    folder: &'static str,
    /// What its image has beside it.
    packages: &'static str,
}

const PLANES: [Plane; 2] = [
    Plane { program: "nantian-controlplane", folder: "controlplane", packages: "libc6,libgcc-s1,curl,ca-certificates" },
    Plane { program: "nantian-dataplane", folder: "dataplane", packages: "libc6,libgcc-s1" },
];

/// The folder of the repository.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

impl Cluster {
    /// Installs Nantian Gateway as its users do: the CRDs of the Gateway API, then the chart, with images of the programs in
    /// `binaries`. Returns when both planes are ready. One that is installed is upgraded.
    ///
    /// # Errors
    /// If a program is missing, or a plane does not become ready.
    pub fn install(&self, home: &Home, binaries: &Path) -> Result<(), ClusterError> {
        self.install_chart(home, binaries, &repository().join("charts").join(NAME))
    }

    /// The same by another chart than that of this build.
    ///
    /// # Errors
    /// The same.
    pub fn install_chart(&self, home: &Home, binaries: &Path, chart: &Path) -> Result<(), ClusterError> {
        let tag = self.import_planes(home, binaries)?;
        let crds = gateway_api_crds("experimental")?;
        run(self.kubectl().args(["apply", "--server-side", "--kustomize"]).arg(crds))?;
        let image = format!("image.registry={REGISTRY},image.tag={tag},image.pullPolicy=Never");
        let mut helm = self.command("helm");
        helm.args(["upgrade", "--install", NAME]).arg(chart);
        run(helm.args(["--namespace", NAME, "--create-namespace", "--set", &image]))?;
        for Plane { folder, .. } in &PLANES {
            let deployment = format!("deployment/{NAME}-{folder}");
            let status = ["--namespace", NAME, "rollout", "status", "--timeout=120s", &deployment];
            run(self.kubectl().args(status)).map_err(|source| self.not_ready(source))?;
        }
        Ok(())
    }

    /// Gives the node the images of both planes, which [`install`](Self::install) does too. Returns their tag, which tells this
    /// build from others.
    ///
    /// # Errors
    /// If a program is missing.
    pub fn import_planes(&self, home: &Home, binaries: &Path) -> Result<String, ClusterError> {
        let mut newest = 0;
        for Plane { program, .. } in &PLANES {
            let path = binaries.join(program);
            let changed =
                path.metadata().and_then(|metadata| metadata.modified()).map_err(ClusterError::file(&path))?;
            newest = newest.max(changed.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis());
        }
        let tag = format!("build-{newest}");
        // Until they are read: the next build has archives of the same names.
        let _alone = home.build_alone()?;
        let folder = home.images();
        for Plane { program, folder: dockerfile, packages } in &PLANES {
            let archive = folder.join(format!("{program}.tar"));
            let image = format!("{REGISTRY}/{program}:{tag}");
            let dockerfile = repository().join("images").join(dockerfile).join("Dockerfile");
            let program = binaries.join(program);
            Build { image: &image, dockerfile: &dockerfile, program: &program, packages }.run(&folder, &archive)?;
            self.import(&archive)?;
        }
        Ok(tag)
    }

    /// How many bytes control planes have sent over the connections that data planes have to them now.
    ///
    /// # Errors
    /// If the cluster has no node, or a control plane ends meanwhile.
    pub fn sent_to_data_planes(&self) -> Result<u64, ClusterError> {
        let mut sent = 0;
        for container in self.containers("controlplane")? {
            let mut sockets = container.command("ss");
            sockets.args(["-Htin", "state", "established", &format!("( sport = :{XDS_PORT} )")]);
            let printed = read(&mut sockets)?;
            for count in printed.split_whitespace().filter_map(|field| field.strip_prefix("bytes_sent:")) {
                let count = serde_json::from_str::<u64>(count);
                sent += count.map_err(|source| ClusterError::Answer { line: line(&sockets), source })?;
            }
        }
        Ok(sent)
    }

    fn not_ready(&self, source: ClusterError) -> ClusterError {
        let ask = |line: &[&str]| read(self.kubectl().args(["--namespace", NAME]).args(line)).unwrap_or_default();
        let logs = |app| ask(&["logs", "--selector", app, "--tail=5", "--prefix"]);
        let pods = [
            ask(&["get", "pods", "--output=wide"]),
            ask(&["get", "events", "--field-selector=type=Warning"]),
            logs("app=nantian-controlplane"),
            logs("app=nantian-dataplane"),
        ];
        ClusterError::NotReady { source: Box::new(source), pods: pods.concat() }
    }
}
