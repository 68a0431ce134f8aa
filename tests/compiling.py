"""How JAX compiles in processes of tests: quickly, and each computation once."""


def compile_once(folder):
    """Return environment variables by which JAX keeps what it has compiled in a folder.

    What is computed stays the same; but XLA need not make fast what runs once (most of JAX's time
    in tests is compiling), and a computation that a process meets again is read from the folder.
    """
    return {
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        "JAX_COMPILATION_CACHE_DIR": str(folder),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
