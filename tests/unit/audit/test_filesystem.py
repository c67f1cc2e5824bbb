import pytest

from meso_device.audit import filesystem
from protocols.errors import UsageError

MOUNTS = r"""22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
23 22 0:21 / /run/shm rw - tmpfs tmpfs rw
40 22 0:40 / /mnt/clinic rw shared:1 - nfs4 server:/x rw
41 22 0:41 / /mnt/my\040disk rw - cifs //server/x rw
42 40 0:42 / /mnt/clinic/local rw - xfs /dev/vdb rw
43 22 0:43 / /data rw - ext4 /dev/vdc rw
44 22 0:44 / /data rw - nfs server:/y rw
garbage
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/x", "ext4"),
        ("/mnt/clinic", "nfs4"),
        ("/mnt/clinic/a/b", "nfs4"),
        ("/mnt/clinical", "ext4"),
        ("/mnt/clinic/local/a", "xfs"),
        ("/mnt/my disk/a", "cifs"),
        ("/run/shm", "tmpfs"),
        ("/data/home", "nfs"),
    ],
)
def test_the_innermost_and_last_mount_decides(path, kind):
    assert filesystem.kind_from_mounts(MOUNTS, path) == kind


def test_a_network_file_system_is_refused_and_one_in_memory_noticed(tmp_path, monkeypatch):
    mounts = tmp_path / "mountinfo"
    monkeypatch.setattr(filesystem, "_MOUNTS", mounts)
    for kind, answer in (("ext4", ""), ("tmpfs", "practice"), ("btrfs", "")):
        mounts.write_text(f"22 1 254:0 / / rw - {kind} x rw\n")
        notice = filesystem.check_filesystem(tmp_path)
        assert (answer in notice) if answer else notice == ""
    for kind in ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs"):
        mounts.write_text(f"22 1 254:0 / / rw - {kind} x rw\n")
        with pytest.raises(UsageError, match="local disk"):
            filesystem.check_filesystem(tmp_path)


def test_where_the_kernel_does_not_say_what_is_mounted_nothing_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(filesystem, "_MOUNTS", tmp_path / "none")
    assert filesystem.check_filesystem(tmp_path) == ""
