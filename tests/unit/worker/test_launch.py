from konan.worker import launch, root, sandbox


def test_a_worker_inherits_nothing_of_the_environment() -> None:
    made = launch.environment("/tmp/x", 3)
    assert made["OMP_NUM_THREADS"] == made["OPENBLAS_NUM_THREADS"] == "3"
    assert made["HOME"] == made["TMPDIR"] == "/tmp/x"
    assert not {"PATH", "PYTHONPATH", "KONAN_API_KEY", "LD_PRELOAD"} & set(made)


def test_levels_say_what_holds() -> None:
    both = ["landlock", "seccomp"]
    assert sandbox.level([*both, "root", "user"]) == "full"
    assert sandbox.level([*both, "root"]) == "restricted"
    assert sandbox.level([*both, "user"]) == "restricted"
    assert sandbox.level(["root", "user", "landlock"]) == "limits"


def test_users_of_two_processes_differ() -> None:
    everything = "         0          0 4294967295\n"
    assert len({root.free_user(process, everything) for process in range(1, 4_194_304, 9973)}) == 421
    assert 61184 <= root.free_user(4_194_303, "0 100000 65536\n") < 65184
