/* SPDX-License-Identifier: GPL-2.0-only */
/* The file of a page, see html.h: nothing is at its place that is not complete. */
#include "sim/html.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/html-parts.h"

/* Where the file is in the end: a link stays one, and what it names is replaced. */
struct place {
	char *path, *beside;
	mode_t mode;
	bool is_special; /* a device or a pipe: it is written to as it is */
};

static void place_free(struct place *place)
{
	free(place->path);
	free(place->beside);
}

static int place_find(const char *path, struct place *ret)
{
	mode_t mask = umask(0);
	struct stat st;
	char *beside;

	umask(mask);
	*ret = (struct place){.mode = 0666 & ~mask};
	if (stat(path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return -EISDIR;
		ret->is_special = !S_ISREG(st.st_mode);
		ret->mode = st.st_mode & 0777;
		ret->path = ret->is_special ? strdup(path) : realpath(path, NULL);
	} else {
		ret->path = strdup(path);
	}
	if (!ret->path)
		return errno ? -errno : -ENOMEM;
	if (asprintf(&beside, "%s.XXXXXX", ret->path) < 0) {
		place_free(ret);
		return -ENOMEM;
	}
	ret->beside = beside;
	return 0;
}

/* The new file, which has no name at its place yet. */
static FILE *open_beside(const struct place *place)
{
	FILE *f;
	int fd, err;

	if (place->is_special)
		return fopen(place->path, "we");
	fd = mkostemp(place->beside, O_CLOEXEC);
	if (fd < 0)
		return NULL;
	f = fchmod(fd, place->mode) == 0 ? fdopen(fd, "w") : NULL;
	if (!f) {
		err = errno;
		close(fd);
		unlink(place->beside);
		errno = err;
	}
	return f;
}

static int check_place(const struct place *place)
{
	FILE *f;

	/* To open a pipe would wait for its reader. */
	if (place->is_special)
		return access(place->path, W_OK) < 0 ? -errno : 0;
	f = open_beside(place);
	if (!f)
		return -errno;
	fclose(f);
	unlink(place->beside);
	return 0;
}

int html_check(const char *path)
{
	struct place place;
	int err = place_find(path, &place);

	if (err)
		return err;
	err = check_place(&place);
	place_free(&place);
	return err;
}

int html_write(const char *path, const char *title, void (*content)(FILE *f, const void *data),
	       const void *data)
{
	struct place place;
	FILE *f;
	int err;

	err = place_find(path, &place);
	if (err)
		return err;
	f = open_beside(&place);
	if (!f) {
		err = -errno;
		place_free(&place);
		return err;
	}
	html_page(f, title, content, data);
	if (fflush(f) || ferror(f))
		err = errno ? -errno : -EIO;
	if (fclose(f) && !err)
		err = -errno;
	if (!err && !place.is_special && rename(place.beside, place.path) < 0)
		err = -errno;
	if (err && !place.is_special)
		unlink(place.beside);
	place_free(&place);
	return err;
}
