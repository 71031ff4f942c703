"""Sets the power limit of every third GPU through NVML, as a site's own tools would have done before we came.

    set_limits.py PAGE LIBRARY WATTS        (page and library of the harness)
"""

import ctypes
import os
import sys


def main() -> int:
    os.environ["HEADROOM_NVML_PAGE"], library, watts = sys.argv[1], sys.argv[2], int(sys.argv[3])
    nvml = ctypes.CDLL(library)

    def call(name, *args):
        rc = getattr(nvml, name)(*args)
        if rc != 0:
            sys.exit(f"{name}: error {rc}")

    call("nvmlInit_v2")
    count = ctypes.c_uint()
    call("nvmlDeviceGetCount_v2", ctypes.byref(count))
    for index in range(0, count.value, 3):
        handle = ctypes.c_void_p()
        call("nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(index), ctypes.byref(handle))
        call("nvmlDeviceSetPowerManagementLimit", handle, ctypes.c_uint(watts * 1000))
    print(f"{count.value} GPUs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
