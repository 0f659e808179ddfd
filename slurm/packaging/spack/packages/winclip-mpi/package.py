# Spack recipe. From the source tree:
#
#     make dist && mkdir -p ~/mirror/winclip-mpi && cp build/winclip-mpi-0.1.0.tar.gz ~/mirror/winclip-mpi/
#     spack mirror add winclip file://$HOME/mirror
#     spack repo add slurm/packaging/spack
#     spack install --no-checksum winclip-mpi ^openmpi schedulers=slurm
#
# Checked where this was written: Python syntax and flake8. Not built: Spack was not available there. The checksum is
# left out because a recipe inside the tree cannot name the sum of the archive that holds it; add it in a site's copy.
from spack.package import *


class WinclipMpi(MakefilePackage):
    """WinCLIP and WinCLIP+: zero-shot and few-normal-shot anomaly detection with CLIP, over data sets, under MPI."""

    homepage = "https://arxiv.org/abs/2303.14814"
    manual_download = True

    license("MIT")

    version("0.1.0")

    variant("onednn", default=True, description="Matrix products of oneDNN where they are faster")

    depends_on("c", type="build")
    depends_on("gmake@4:", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("mpi@3:")
    depends_on("openblas@0.3.10: threads=openmp")
    depends_on("libpng@1.6:")
    depends_on("libjpeg-turbo")
    depends_on("libyaml")
    depends_on("zlib-api")
    depends_on("onednn@2.6: cpu_runtime=omp", when="+onednn")

    def _arguments(self):
        spec = self.spec
        libraries = ["libpng", "libjpeg-turbo", "libyaml"] + (["onednn"] if spec.satisfies("+onednn") else [])
        include = " ".join("-I" + spec[name].prefix.include for name in libraries)
        link = " ".join("-L{0} -Wl,-rpath,{0}".format(d) for name in libraries for d in spec[name].libs.directories)
        return [
            "PREFIX={0}".format(self.prefix),
            "LIBDIR={0}".format(self.prefix.lib),
            "MPICC={0}".format(spec["mpi"].mpicc),
            "CFLAGS=-g " + include,
            "LDFLAGS=" + link,
            "ONEDNN={0}".format("yes" if spec.satisfies("+onednn") else "no"),
        ]

    def build(self, spec, prefix):
        make(*self._arguments())

    def install(self, spec, prefix):
        make("install", *self._arguments())

    def test_sample(self):
        """score the data set that comes with the program"""
        program = which(self.prefix.bin.join("winclip-mpi"))
        program("run", "sample.yaml", "--set", "output=run", "--set", "dataset.categories=[leather]")
