/*
 * Files that come with the program: configurations, jobs, prompt sets; from any directory.
 */
#ifndef WC_CLI_INSTALLED_H
#define WC_CLI_INSTALLED_H

#include "base/err.h"

/*
 * The file that `name` stands for: itself where it exists; else, for a relative name, below the
 * program's folder of files as it is ("configs/visa.yaml"), or in its `folder` ("visa.yaml" of
 * "configs"; "jobs" too). Where none exists the name comes back, so that reading it gives the usual
 * error. *path is released with wc_free(). NULL name: NULL.
 *
 * The program's folder: $WINCLIP_SHARE, else PREFIX/share/winclip-mpi beside PREFIX/bin where the
 * program lies (so an installed tree can be moved), else the source tree above build/.
 */
enum wc_err wc_installed_find(const char *folder, const char *name, char **path,
                              struct wc_error *err);

#endif
