/* SPDX-License-Identifier: GPL-2.0-only */
/* Tests of what rustland-session needs to know whom to trust: owners, cookies, an X server's answers. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "session/owner.h"
#include "session/x11-message.h"
#include "session/xauthority.h"

/* ---- Owners --------------------------------------------------------------------------------- */

#define WHOLE_MACHINE "         0          0 4294967295\n"
#define SANDBOX	      "      1000       1000          1\n"

static void test_owner(void **state)
{
	(void)state;
	assert_int_equal(owner_judge(1000, 1000, WHOLE_MACHINE), OWNER_OURS);
	assert_int_equal(owner_judge(0, 1000, WHOLE_MACHINE), OWNER_ROOT);
	assert_int_equal(owner_judge(1001, 1000, WHOLE_MACHINE), OWNER_FOREIGN);
	assert_int_equal(owner_judge(65534, 1000, WHOLE_MACHINE), OWNER_FOREIGN);
	assert_int_equal(owner_judge(65534, 65534, WHOLE_MACHINE), OWNER_OURS);
	assert_int_equal(owner_judge(1000, 1000, SANDBOX), OWNER_OURS);
	assert_int_equal(owner_judge(65534, 1000, SANDBOX), OWNER_HIDDEN);
	assert_int_equal(owner_judge(65534, 65534, "65534 65534 1\n"), OWNER_HIDDEN);
	assert_int_equal(owner_judge(65534, 1000, SANDBOX "         0     100000      65536\n"),
			 OWNER_FOREIGN);
	assert_int_equal(owner_judge(65534, 1000, "1 2"), OWNER_HIDDEN);
}

static bool status_is(const char *status, uid_t uid)
{
	return owner_status_is(status, strlen(status), uid);
}

static void test_status(void **state)
{
	const char *status = "Name:\tgame\nUmask:\t0022\nUid:\t5\t5\t5\t5\nGid:\t5\t5\t5\t5\n";

	(void)state;
	assert_true(status_is(status, 5));
	assert_false(status_is(status, 6));
	assert_false(status_is("Name:\tgame\nUid:\t5\t0\t0\t0\n", 5));
	assert_false(status_is("Name:\tgame\nUid:\t5\t5\t0\t5\n", 5));
	assert_false(status_is("Name:\tgame\nUid:\t5\t5\t5", 5));
	/* A name of a program's own choice. */
	assert_false(status_is("Name:\tUid:\t5\t5\t5\t5\nUid:\t0\t0\t0\t0\n", 5));
	assert_false(status_is("", 5));
	/* Not further than that. */
	assert_false(owner_status_is(status, strlen("Name:\tgame\nUmask:\t0022\nUid:\t5\t5"), 5));
}

/* ---- Xauthority ----------------------------------------------------------------------------- */

#define LOCAL	  256
#define WILD	  65535
#define INTERNET6 6
#define MAGIC	  "MIT-MAGIC-COOKIE-1"

struct file {
	uint8_t data[4096];
	size_t size;
};

static void add_number(struct file *file, size_t number)
{
	file->data[file->size++] = (uint8_t)(number >> 8);
	file->data[file->size++] = (uint8_t)number;
}

static void add_field(struct file *file, const char *text)
{
	add_number(file, strlen(text));
	memcpy(file->data + file->size, text, strlen(text));
	file->size += strlen(text);
}

static void add_entry(struct file *file, uint16_t family, const char *address, const char *number,
		      const char *name, const char *data)
{
	add_number(file, family);
	add_field(file, address);
	add_field(file, number);
	add_field(file, name);
	add_field(file, data);
}

/* The cookie's first byte; 0: there is none. In memory that ends where the file does. */
static int find(const struct file *file, const char *number, const char *host)
{
	uint8_t *copy = malloc(file->size);
	struct xauthority_cookie cookie;
	int first = 0;

	memcpy(copy, file->data, file->size);
	if (xauthority_find(copy, file->size, number, host, &cookie)) {
		assert_memory_equal(cookie.name, MAGIC, cookie.name_size);
		first = cookie.data_size ? cookie.data[0] : -1;
	}
	free(copy);
	return first;
}

static void test_cookie(void **state)
{
	struct file file = {0};
	struct xauthority_cookie cookie;

	(void)state;
	add_entry(&file, LOCAL, "here", "1", MAGIC, "a");
	add_entry(&file, LOCAL, "elsewhere", "0", MAGIC, "b");
	add_entry(&file, INTERNET6, "here", "0", MAGIC, "c");
	add_entry(&file, LOCAL, "here", "0", "XDM-AUTHORIZATION-1", "d");
	add_entry(&file, LOCAL, "here", "0", MAGIC, "e");
	add_entry(&file, LOCAL, "here", "0", MAGIC, "f");
	assert_int_equal(find(&file, "0", "here"), 'e');
	assert_int_equal(find(&file, "1", "here"), 'a');
	assert_int_equal(find(&file, "0", "elsewhere"), 'b');
	assert_int_equal(find(&file, "0", "her"), 0);
	assert_int_equal(find(&file, "00", "here"), 0);
	assert_int_equal(find(&file, "", "here"), 0);
	assert_true(xauthority_find(file.data, file.size, "0", "here", &cookie));
	assert_true(cookie.names_number);
	/* As a file is that could not be read. */
	assert_false(xauthority_find(NULL, 0, "0", "here", &cookie));
}

static void test_cookie_for_all(void **state)
{
	struct file file = {0};
	struct xauthority_cookie cookie;

	(void)state;
	add_entry(&file, WILD, "", "7", MAGIC, "a");
	add_entry(&file, LOCAL, "here", "", MAGIC, "b");
	add_entry(&file, WILD, "whatever", "", MAGIC, "c");
	assert_int_equal(find(&file, "7", "anywhere"), 'a');
	assert_int_equal(find(&file, "8", "here"), 'b');
	assert_int_equal(find(&file, "8", "anywhere"), 'c');
	assert_true(xauthority_find(file.data, file.size, "8", "here", &cookie));
	assert_false(cookie.names_number);
}

/* Cut off anywhere it gives nothing, or what was whole. */
static void test_broken_cookies(void **state)
{
	struct file file = {0};
	size_t whole, all;

	(void)state;
	assert_int_equal(find(&file, "0", "here"), 0);
	add_entry(&file, LOCAL, "here", "0", MAGIC, "a");
	whole = file.size;
	add_entry(&file, LOCAL, "here", "1", MAGIC, "b");
	all = file.size;
	for (file.size = 0; file.size < all; file.size++) {
		assert_int_equal(find(&file, "0", "here"), file.size < whole ? 0 : 'a');
		assert_int_equal(find(&file, "1", "here"), 0);
	}
	/* Its first field reaches beyond the end. */
	file.data[whole + 2] = 0xff;
	assert_int_equal(find(&file, "1", "here"), 0);
}

/* ---- X11 ------------------------------------------------------------------------------------ */

static void put32(uint8_t *at, uint32_t number)
{
	memcpy(at, &number, sizeof(number));
}

/* In memory of just that size, so that a sanitizer sees whoever reads more. */
static uint8_t *exact_copy(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size);

	assert_non_null(copy);
	return memcpy(copy, bytes, size);
}

static uint32_t root_of(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = exact_copy(bytes, size);
	uint32_t root = x11_message_root(copy, size);

	free(copy);
	return root;
}

static void test_root(void **state)
{
	uint8_t setup[40 + 8 + 2 * 8 + 40] = {0};
	const size_t screen = 40 + 8 + 2 * 8;
	uint16_t vendor = 5;

	(void)state;
	memcpy(setup + 24, &vendor, sizeof(vendor));
	setup[28] = 1;
	setup[29] = 2;
	put32(setup + screen, 0x4711);
	assert_int_equal(root_of(setup, sizeof(setup)), 0x4711);
	for (size_t size = 0; size < sizeof(setup); size++)
		assert_int_equal(root_of(setup, size), 0);
	setup[28] = 0;
	assert_int_equal(root_of(setup, sizeof(setup)), 0);
	setup[28] = 1;
	vendor = 65535;
	memcpy(setup + 24, &vendor, sizeof(vendor));
	assert_int_equal(root_of(setup, sizeof(setup)), 0);
}

static void test_number(void **state)
{
	uint8_t reply[36] = {1, 32};
	uint32_t number = 0;

	(void)state;
	put32(reply + 4, 1);
	put32(reply + 16, 1);
	put32(reply + 32, 77);
	assert_int_equal(x11_message_reply_size(reply), 36);
	assert_true(x11_message_number(reply, 36, &number));
	assert_int_equal(number, 77);
	/* What it has and what it says it has are two things. */
	assert_false(x11_message_number(reply, 32, &number));
	put32(reply + 16, 0);
	assert_false(x11_message_number(reply, 36, &number));
	put32(reply + 16, 1);
	reply[1] = 8;
	assert_false(x11_message_number(reply, 36, &number));
	assert_false(x11_message_number(NULL, 0, &number));
}

static pid_t client_of(const uint8_t *reply, size_t size)
{
	uint8_t *copy = exact_copy(reply, size);
	pid_t pid = x11_message_client(copy, size);

	free(copy);
	return pid;
}

static void test_client(void **state)
{
	uint8_t reply[32 + 12 + 4 + 12 + 4] = {1};

	(void)state;
	put32(reply + 8, 2);
	put32(reply + 32 + 4, 1); /* another kind of number */
	put32(reply + 32 + 8, 4);
	put32(reply + 32 + 12, 5);
	put32(reply + 48 + 4, 2);
	put32(reply + 48 + 8, 4);
	put32(reply + 48 + 12, 77);
	assert_int_equal(client_of(reply, sizeof(reply)), 77);
	for (size_t size = 1; size < sizeof(reply); size++)
		assert_int_equal(client_of(reply, size), 0);
	assert_int_equal(x11_message_client(NULL, 0), 0);
	put32(reply + 48 + 12, 0x80000000);
	assert_int_equal(client_of(reply, sizeof(reply)), 0);
	/* Values and lists that are longer than what came. */
	put32(reply + 32 + 8, 0xfffffff8);
	assert_int_equal(client_of(reply, sizeof(reply)), 0);
	put32(reply + 32 + 8, 4);
	put32(reply + 48 + 4, 1);
	put32(reply + 8, 0xffffffff);
	assert_int_equal(client_of(reply, sizeof(reply)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_owner),	       cmocka_unit_test(test_status),
		cmocka_unit_test(test_cookie),	       cmocka_unit_test(test_cookie_for_all),
		cmocka_unit_test(test_broken_cookies), cmocka_unit_test(test_root),
		cmocka_unit_test(test_number),	       cmocka_unit_test(test_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
