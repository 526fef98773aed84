/* How much memory a document asks for, told from its bytes alone: "{}," is three of them, and two hundred once it is read.
 * Who serves metadata needs no key to send that. */
#include "manifests/role.h"

/* What one byte costs outside of strings, where it stands for a value of its own: some 70 bytes a point. */
static size_t weight_of(char c)
{
	switch (c) {
	case '{':
	case '[':
		return 4;
	case ',':
	case ':':
		return 1;
	default:
		return 0;
	}
}

bool role_is_bearable(struct str bytes)
{
	bool in_string = false;
	size_t weight = 0;

	for (size_t i = 0; i < bytes.len && weight <= ROLE_WEIGHT_MAX; i++) {
		if (in_string && bytes.data[i] == '\\')
			i++;
		else if (bytes.data[i] == '"')
			in_string = !in_string;
		else if (!in_string)
			weight += weight_of(bytes.data[i]);
	}
	return weight <= ROLE_WEIGHT_MAX;
}
