-- Lmod module. Install with `make install PREFIX=/apps/winclip-mpi/0.1.0`, copy this file's folder into $MODULEPATH, and
-- set `root` (or keep versions below /apps/winclip-mpi).
--
-- Checked where this was written: loaded and unloaded by Lmod (tests/t996-packaging.sh, where Lmod is installed).
local root = os.getenv("WINCLIP_MODULE_ROOT") or pathJoin("/apps", myModuleName(), myModuleVersion())

help([[WinCLIP and WinCLIP+ over whole data sets, under MPI: winclip-mpi help; man winclip-mpi]])
whatis("Name: winclip-mpi")
whatis("Version: " .. myModuleVersion())
whatis("Description: zero-shot and few-normal-shot anomaly detection with CLIP on CPU clusters")

conflict("winclip-mpi")
-- The MPI that it was built with: name your site's module.
-- depends_on("openmpi")

prepend_path("PATH", pathJoin(root, "bin"))
prepend_path("MANPATH", pathJoin(root, "share/man"))
prepend_path("PKG_CONFIG_PATH", pathJoin(root, "lib/pkgconfig"))
prepend_path("LD_LIBRARY_PATH", pathJoin(root, "lib"))
prepend_path("CPATH", pathJoin(root, "include"))
prepend_path("LIBRARY_PATH", pathJoin(root, "lib"))
setenv("WINCLIP_SHARE", pathJoin(root, "share/winclip-mpi"))
