#include <stdio.h>

int main(void)
{
    puts("stasis");
    return 0;
}
