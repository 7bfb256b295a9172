//! What HAMi's scheduler has written onto a pod: which parts of which GPUs its containers share.
//!
//! With HAMi the kubelet's ids name slots and not GPUs, so the annotation is what counts.

/// GPUs that an annotation may name. No node has as many; anybody who may create a pod writes what he likes.
const GPUS_MAX: usize = 64;

/// A container's share of one GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HamiShare<'a> {
    /// Which container, in the order of the pod.
    pub container: usize,
    /// The GPU, `GPU-…` included.
    pub uuid: &'a str,
    /// The vendor, such as `NVIDIA`.
    pub vendor: &'a str,
    /// MiB of memory that it may use.
    pub memory_mib: u64,
    /// Hundredths of the GPU that it may use; 0 is no limit.
    pub core_percent: u32,
}

impl<'a> HamiShare<'a> {
    /// The annotation that holds them.
    pub const ANNOTATION: &'static str = "hami.io/vgpu-devices-allocated";

    /// Reads the annotation: a segment per container ending in `;`, in it a share ending in `:`, of
    /// `UUID,type,memory,cores`. Empty segments are containers without a GPU. None where any part is not of that form:
    /// half of what a pod has would be a wrong answer.
    pub fn parse(annotation: &'a str) -> Option<Vec<Self>> {
        let mut shares = Vec::new();
        for (container, segment) in annotation.split(';').enumerate() {
            for share in segment.split(':').map(str::trim).filter(|share| !share.is_empty()) {
                shares.push(Self::one(container, share)?);
            }
        }
        Some(shares)
    }

    /// NVIDIA's GPUs of an annotation, by UUID, each once. None where it is broken, names none of these, or
    /// more than any node has.
    pub fn gpus(annotation: &str) -> Option<Vec<String>> {
        let mut gpus: Vec<String> = Vec::new();
        for share in HamiShare::parse(annotation)? {
            if share.uuid.starts_with("GPU-") && !gpus.iter().any(|known| known == share.uuid) {
                if gpus.len() == GPUS_MAX {
                    return None;
                }
                gpus.push(share.uuid.to_owned());
            }
        }
        (!gpus.is_empty()).then_some(gpus)
    }

    /// Whether the kubelet's id of a device is a slot of HAMi's plugin: a GPU's UUID with the number of the slot, such as
    /// `GPU-0fc3eda5-e98b-a25b-5b0d-cf5c855d1448-3`. No GPU has such a UUID. The GPU in it need not be the one that is used.
    pub fn is_slot(id: &str) -> bool {
        let is_hex = |part: &str| part.bytes().all(|letter| letter.is_ascii_hexdigit());
        let Some(mut parts) = id.strip_prefix("GPU-").map(|rest| rest.split('-')) else {
            return false;
        };
        let lengths = [8, 4, 4, 4, 12];
        let is_uuid = lengths
            .into_iter()
            .all(|length| parts.next().is_some_and(|part| part.len() == length && is_hex(part)));
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|letter| letter.is_ascii_digit());
        is_uuid && parts.next().is_some_and(is_number) && parts.next().is_none()
    }

    fn one(container: usize, share: &'a str) -> Option<Self> {
        let mut fields = share.split(',');
        let share = Self {
            container,
            uuid: fields.next().filter(|uuid| !uuid.is_empty())?,
            vendor: fields.next()?,
            memory_mib: fields.next()?.parse().ok()?,
            core_percent: fields.next()?.parse().ok()?,
        };
        fields.next().is_none().then_some(share)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const UUID: &str = "GPU-0fc3eda5-e98b-a25b-5b0d-cf5c855d1448";

    fn share(container: usize, uuid: &str, memory_mib: u64) -> HamiShare<'_> {
        HamiShare {
            container,
            uuid,
            vendor: "NVIDIA",
            memory_mib,
            core_percent: 0,
        }
    }

    #[test]
    fn a_share_has_four_fields() {
        let annotation = format!("{UUID},NVIDIA,3000,0:;");

        assert_eq!(HamiShare::parse(&annotation).unwrap(), [share(0, UUID, 3000)]);
    }

    #[test]
    fn empty_segments_are_containers_without_a_gpu() {
        let annotation = format!(";{UUID},NVIDIA,3000,0:GPU-1,NVIDIA,10,0:;");

        let shares = HamiShare::parse(&annotation).unwrap();

        assert_eq!(shares, [share(1, UUID, 3000), share(1, "GPU-1", 10)]);
        assert_eq!(HamiShare::parse("").unwrap(), []);
        assert_eq!(HamiShare::parse(";;").unwrap(), []);
    }

    #[test]
    fn gpus_are_told_once_and_other_vendors_are_not() {
        let gpus = |annotation: &str| HamiShare::gpus(annotation);

        assert_eq!(
            gpus("GPU-1,NVIDIA,10,0:GPU-2,NVIDIA,10,0:;GPU-1,NVIDIA,10,0:;").unwrap(),
            ["GPU-1", "GPU-2"]
        );
        assert_eq!(gpus("Ascend910-0,Ascend910,10,0:;"), None);
        assert_eq!(gpus(";;"), None);
        assert_eq!(gpus("GPU-1"), None);
    }

    #[test]
    fn an_annotation_with_more_gpus_than_any_node_has_says_nothing() {
        let annotation = |count: usize| {
            let shares = (0..count).map(|number| format!("GPU-{number},NVIDIA,10,0:"));
            shares.chain(["GPU-0,NVIDIA,10,0:".to_owned()]).collect::<String>()
        };

        assert_eq!(HamiShare::gpus(&annotation(GPUS_MAX)).unwrap().len(), GPUS_MAX);
        assert_eq!(HamiShare::gpus(&annotation(GPUS_MAX + 1)), None);
    }

    #[test]
    fn a_slot_is_a_uuid_with_a_number() {
        assert!(HamiShare::is_slot(&format!("{UUID}-0")));
        assert!(HamiShare::is_slot(&format!("{UUID}-19")));
        for other in ["", "-", "-x", "-1-2", "::3", "0"] {
            assert!(!HamiShare::is_slot(&format!("{UUID}{other}")), "{other}");
        }
        for other in ["", "GPU-7-3", "MIG-0fc3eda5-e98b-a25b-5b0d-cf5c855d1448-1", "nvidia0"] {
            assert!(!HamiShare::is_slot(other), "{other}");
        }
    }

    #[test]
    fn an_annotation_that_is_broken_anywhere_says_nothing() {
        for broken in [
            "GPU-1",
            "GPU-1,NVIDIA,3000",
            "GPU-1,NVIDIA,many,0:;",
            "GPU-1,NVIDIA,3000,0,1:;",
            ",NVIDIA,3000,0:;",
            "GPU-1,NVIDIA,3000,0:;x",
        ] {
            assert_eq!(HamiShare::parse(broken), None, "{broken}");
        }
    }
}
