/* SPDX-License-Identifier: GPL-2.0 */
/* Checks that only root, or the user of this process, can change a file that decides on trust. */
#ifndef CORE_TRUSTED_H
#define CORE_TRUSTED_H

#include <stdbool.h>
#include <stddef.h>

struct stat;

bool trusted_file(const char *path, char *err, size_t err_len);
bool trusted_command(const char *path, char *err, size_t err_len);
bool trusted_folder(const char *path, char *err, size_t err_len);
bool trusted_stat(const struct stat *st, const char *path, char *err, size_t err_len);

#endif
